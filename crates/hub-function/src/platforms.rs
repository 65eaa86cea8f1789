use hub::{Platform, Platforms, Template, WorkerKind};

/// All platforms. One more is one line here, and an arm of the connector of its worker:
/// [`crate::HttpConnector`], or `database-worker`'s.
static PLATFORMS: [Platform; 6] = [
    http(reports::ZOHO_DESK),
    http(custom_api::CUSTOM_API),
    database(sql::POSTGRESQL),
    database(sql::MYSQL),
    database(sql::MARIADB),
    database(sql::SQLITE),
];

const fn http(info: engine::PlatformInfo) -> Platform {
    Platform {
        info,
        worker: WorkerKind::Http,
    }
}

const fn database(info: engine::PlatformInfo) -> Platform {
    Platform {
        info,
        worker: WorkerKind::Database,
    }
}

/// What can be integrated.
pub(crate) fn platforms() -> Platforms {
    let templates = custom_api::templates().iter().map(|template| Template {
        name: template.name,
        title: template.title,
        description: template.description,
        documentation: template.documentation,
        platform: custom_api::CUSTOM_API.name,
        config: template.config,
        credentials: template.credentials,
    });
    Platforms::new(&PLATFORMS, templates)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_platform_is_found_by_its_name_and_aliases_and_no_two_share_one() {
        let platforms = platforms();
        let mut seen = BTreeSet::new();
        for platform in &PLATFORMS {
            let info = &platform.info;
            for name in [info.name].iter().chain(info.aliases) {
                let found = platforms.find(name).unwrap();
                assert_eq!(found.info.name, info.name, "{name}");
                assert!(seen.insert(*name), "{name} is taken twice");
            }
        }
    }

    #[test]
    fn every_template_is_of_a_platform_and_its_text_is_json() {
        let templates = platforms().templates();
        assert!(templates.len() > PLATFORMS.len());
        for template in &templates {
            assert!(
                platforms()
                    .find(
                        template["type"]
                            .as_str()
                            .unwrap_or_else(|| template["name"].as_str().unwrap())
                    )
                    .is_some(),
                "{template}"
            );
        }
        for platform in &PLATFORMS {
            for action in platform.info.actions {
                let schema: serde_json::Value = serde_json::from_str(action.parameters).unwrap();
                assert!(schema.is_object(), "{}", action.name);
            }
        }
    }
}
