/// Names that columns holding the time of a row's last change have everywhere, without their
/// underscores and in lower case; the better ones first.
const NAMES: [&str; 17] = [
    "updatedat",
    "modifiedat",
    "lastmodifiedat",
    "lastupdatedat",
    "changedat",
    "updatedon",
    "modifiedon",
    "lastmodified",
    "lastupdated",
    "lastupdate",
    "updatetime",
    "modifiedtime",
    "modificationdate",
    "modifieddate",
    "updateddate",
    "modified",
    "updated",
];

/// The one of `columns` that tells by its name that it holds the time of the row's last change.
pub fn change_column<'a>(columns: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    columns
        .into_iter()
        .filter_map(|name| {
            let plain = name.replace('_', "").to_ascii_lowercase();
            let rank = NAMES.iter().position(|known| *known == plain)?;
            Some((rank, name))
        })
        .min_by_key(|(rank, _)| *rank)
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_the_last_change_is_known_by_its_name() {
        for (columns, found) in [
            (vec!["id", "created_at", "updated_at"], Some("updated_at")),
            (vec!["id", "updatedAt"], Some("updatedAt")),
            (vec!["modified", "LastModified"], Some("LastModified")),
            (vec!["id", "created_at", "updater"], None),
        ] {
            assert_eq!(change_column(columns), found);
        }
    }
}
