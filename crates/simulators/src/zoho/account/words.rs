//! What people write, awkward characters included.

pub(super) const SUBJECTS: &[&str] = &[
    "Broken mug",
    "Invoice 2025/118 is wrong",
    "Can't log in since the \"update\"",
    "Lieferung beschädigt – bitte prüfen",
    "返品について",
    "Printer says PC LOAD LETTER",
    "Refund for order #4711",
    "Re: Fwd: Angebot für Büromöbel",
    "App crashes on start 😱",
    "Path C:\\temp\\report not found",
    "Question about pricing & discounts",
    "Два вопроса о доставке",
    "Line one\nline two",
    "Tab\tseparated subject",
    "Change of address",
    "<b>Urgent</b>: server down",
];
pub(super) const FIRST_NAMES: &[&str] = &[
    "Ann", "Björn", "Chloé", "Dmitri", "Esra", "Fatima", "Gustavo", "Hana", "Ivo", "Jürgen",
    "Kofi", "Łucja", "Mei", "Noor", "Óscar", "Priya",
];
pub(super) const LAST_NAMES: &[&str] = &[
    "O'Neil",
    "Müller",
    "Nakamura",
    "Çelik",
    "Fernández",
    "Ivanova",
    "Okafor",
    "Smith",
    "Sørensen",
    "Zhang",
];
pub(super) const COMPANIES: &[&str] = &[
    "Zylker",
    "Grün & Söhne",
    "Acme \"Tools\"",
    "北海商事",
    "Initech",
    "Vandelay/Imports",
    "Hooli",
    "Umbrella",
];
pub(super) const CITIES: &[&str] = &["Berlin", "São Paulo", "Chennai", "Kraków", "Austin", "東京"];
pub(super) const COUNTRIES: &[&str] = &["Germany", "Brazil", "India", "Poland", "USA", "Japan"];
pub(super) const DEPARTMENTS: &[&str] = &[
    "Support",
    "Sales",
    "Billing",
    "Logistics",
    "Repairs",
    "Returns",
    "Partners",
    "Onboarding",
    "Enterprise",
    "Retail",
    "Field Service",
    "Qualität",
];
pub(super) const TAGS: &[&str] = &[
    "urgent",
    "vip",
    "refund",
    "bug",
    "feature",
    "rückruf",
    "spam?",
    "follow-up",
    "escalated",
    "q1",
];
pub(super) const FEEDBACK: &[&str] = &[
    "Quick and friendly",
    "Took \"forever\"",
    "Danke für die schnelle Hilfe!",
    "👍",
    "It is still broken",
];
pub(super) const PRIORITIES: &[&str] = &["Low", "Medium", "High"];
pub(super) const CHANNELS: &[&str] = &["Email", "Phone", "Web", "Chat", "Forums"];
pub(super) const LANGUAGES: &[&str] = &["English", "German", "Japanese"];
pub(super) const CATEGORIES: &[&str] = &["Hardware", "Software", "Delivery"];
