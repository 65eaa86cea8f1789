use lambda_kit::{ErrorType, Failure};
use serde_json::Value;
use table::{TABLES, Table};

/// The tables that an event asks for: that of `report`, or all of them.
pub(crate) fn tables_of(event: &Value) -> Result<&'static [Table], Failure> {
    let invalid = |why: String| {
        let names: Vec<_> = TABLES.iter().map(|table| table.report).collect();
        Failure::new(
            ErrorType::InvalidEvent,
            format!(
                "`report` {why}; leave it out for all, or send one of {}",
                names.join(", ")
            ),
        )
    };
    match event.get("report") {
        None | Some(Value::Null) => Ok(ALL),
        Some(Value::String(report)) => {
            let named = ALL.chunks(1).find(|table| table[0].report == report);
            named.ok_or_else(|| invalid(format!("\"{report}\" has no table")))
        }
        Some(_) => Err(invalid("must be a string".to_owned())),
    }
}

const ALL: &[Table] = &TABLES;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn one_report_or_all() {
        for event in [
            json!({}),
            json!("text"),
            json!(null),
            json!({"report": null, "x": 1}),
        ] {
            assert_eq!(tables_of(&event).unwrap().len(), TABLES.len());
        }
        let one = tables_of(&json!({"report": "tickets"})).unwrap();
        assert_eq!(one.len(), 1);
        assert_eq!(one[0].report, "tickets");
    }

    #[test]
    fn a_report_without_a_table_is_refused_by_name() {
        for event in [
            json!({"report": "desk-route"}),
            json!({"report": ""}),
            json!({"report": 1}),
            json!({"report": ["tickets"]}),
        ] {
            let failure = tables_of(&event).unwrap_err();
            assert_eq!(failure.error_type, ErrorType::InvalidEvent);
            assert!(failure.message.contains("`report`"), "{failure}");
        }
    }
}
