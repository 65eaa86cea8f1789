use engine::{PlatformInfo, Problem, Setting, SettingKind};
use serde_json::Value;
use zoho_desk::{EntityId, OrgId};

use super::actions::ACTIONS;

/// What users can know and set of Zoho Desk.
pub const ZOHO_DESK: PlatformInfo = PlatformInfo {
    name: "zoho_desk",
    aliases: &["zoho-desk"],
    title: "Zoho Desk",
    description: "Tickets, threads, contacts, accounts, agents and more of a Zoho Desk organisation.",
    documentation: "https://desk.zoho.com/DeskAPIDocument",
    // All that the token broker reads lies in the secret, whether it is secret or not.
    settings: &[
        Setting {
            secret: true,
            ..text_setting(
                "client_id",
                &["clientId"],
                "Client ID",
                "Of the client in the Zoho API console, e.g. 1000.ABC…",
                true,
            )
        },
        Setting {
            secret: true,
            ..text_setting(
                "client_secret",
                &["clientSecret"],
                "Client secret",
                "Of the same client",
                true,
            )
        },
        Setting {
            secret: true,
            ..text_setting(
                "org_id",
                &["orgId", "organizationId"],
                "Organisation ID",
                "From Zoho Desk > Setup > Developer Space > API, e.g. 700000001",
                true,
            )
        },
        Setting {
            secret: true,
            ..text_setting(
                "refresh_token",
                &["refreshToken"],
                "Refresh token",
                "What a grant code was exchanged for; not needed if a code is given",
                false,
            )
        },
        Setting {
            secret: true,
            ..text_setting(
                "code",
                &["grantCode"],
                "Grant code",
                "From the Zoho API console, good for some minutes and once; not needed if a refresh token is given",
                false,
            )
        },
        Setting {
            secret: true,
            ..text_setting(
                "redirect_uri",
                &["redirectUri"],
                "Redirect URI",
                "As registered with the client; only for a grant code of a server-based client",
                false,
            )
        },
        Setting {
            kind: SettingKind::Choice(&["us", "eu", "in", "au", "jp", "ca", "sa", "cn"]),
            ..text_setting(
                "data_center",
                &["dataCenter", "dataCentre"],
                "Data centre",
                "Where the account lives: us for zoho.com, eu for zoho.eu and so on; us if left out",
                false,
            )
        },
        text_setting(
            "department_id",
            &["departmentId"],
            "Department",
            "Only rows of this department, in streams that know departments, e.g. 900000000000101",
            false,
        ),
    ],
    actions: ACTIONS,
    validate,
};

const fn text_setting(
    name: &'static str,
    aliases: &'static [&'static str],
    title: &'static str,
    help: &'static str,
    required: bool,
) -> Setting {
    Setting {
        name,
        aliases,
        title,
        help,
        kind: SettingKind::Text,
        required,
        secret: false,
    }
}

fn validate(config: &Value, credentials: &Value) -> Result<(), Vec<Problem>> {
    let mut problems = Vec::new();
    let mut check = |field: &str, why: Option<String>| {
        problems.extend(why.map(|why| Problem::new(field, why)));
    };
    let text = |of: &Value, name: &str| of[name].as_str().map(str::to_owned);
    let org = text(credentials, "org_id").and_then(|id| id.parse::<OrgId>().err());
    check("credentials.org_id", org);
    let department = text(config, "department_id").and_then(|id| id.parse::<EntityId>().err());
    check("config.department_id", department);
    let given = |name: &str| text(credentials, name).is_some_and(|text| !text.trim().is_empty());
    let missing = !given("refresh_token") && !given("code");
    check(
        "credentials.refresh_token",
        missing.then(|| "is missing; give it, or `code`".to_owned()),
    );
    let uri = text(credentials, "redirect_uri");
    let odd = uri.is_some_and(|uri| !uri.starts_with("https://") && !uri.starts_with("http://"));
    check(
        "credentials.redirect_uri",
        odd.then(|| "must be an address such as https://example.com/callback".to_owned()),
    );
    if problems.is_empty() {
        Ok(())
    } else {
        Err(problems)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn settings_are_checked_without_a_call() {
        let good = json!({"client_id": "i", "client_secret": "s", "org_id": "7", "code": "c"});
        assert_eq!(validate(&json!({"department_id": "12"}), &good), Ok(()));
        for (config, changed, field) in [
            (json!({}), json!({"org_id": "7x"}), "credentials.org_id"),
            (json!({}), json!({"code": ""}), "credentials.refresh_token"),
            (
                json!({}),
                json!({"redirect_uri": "example"}),
                "credentials.redirect_uri",
            ),
            (
                json!({"department_id": "sales"}),
                json!({}),
                "config.department_id",
            ),
        ] {
            let mut credentials = good.clone();
            for (name, value) in changed.as_object().unwrap() {
                credentials[name] = value.clone();
            }
            let problems = validate(&config, &credentials).unwrap_err();
            assert_eq!(problems.len(), 1, "{problems:?}");
            assert_eq!(problems[0].field, field);
        }
    }

    #[test]
    fn what_the_token_broker_reads_is_kept_in_the_secret() {
        let secret = ZOHO_DESK.settings.iter().filter(|setting| setting.secret);
        let names: Vec<&str> = secret.map(|setting| setting.name).collect();
        assert_eq!(
            names,
            [
                "client_id",
                "client_secret",
                "org_id",
                "refresh_token",
                "code",
                "redirect_uri"
            ]
        );
    }
}
