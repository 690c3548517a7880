//! A configuration file is read or refused, with a reason that can be shown.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tarproof::config::Config;
use tarproof::report::printable::printable;

fuzz_target!(|text: &str| match toml::from_str::<Config>(text) {
    Ok(config) => assert_eq!(toml::from_str::<Config>(text), Ok(config)),
    Err(error) => {
        printable(&error.to_string());
    }
});
