//! Any tag name is judged, and the names that we ask for first are recognised.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tarproof::package::{PackageName, Version};
use tarproof::source::tags::{TagForm, likely_tags, tag_form, tag_patterns};

fuzz_target!(|text: &str| {
    let mut parts = text.split('\0');
    let (Some(name), Some(version), Some(tag)) = (parts.next(), parts.next(), parts.next()) else { return };
    let (Ok(name), Ok(version)) = (PackageName::parse(name), Version::parse(version)) else { return };
    tag_form(tag, &name, &version);
    // Separators around a name are taken for the tag's own.
    let separated = name.as_str().ends_with(|character: char| !character.is_ascii_alphanumeric());
    for tag in likely_tags(&name, &version).into_iter().filter(|_| !separated) {
        let form = tag_form(&tag, &name, &version);
        assert!(matches!(form, Some(TagForm::Package | TagForm::Version)), "{tag} {form:?}");
    }
    if !name.as_str().contains('*') {
        let patterns = tag_patterns(&name, &version);
        let mut patterns = patterns.wanted.iter().chain(&patterns.unwanted);
        assert!(patterns.all(|pattern| pattern.matches('*').count() == 1));
    }
});
