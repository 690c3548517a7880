//! The script that shows a Node program another present.
//!
//! # Deviations
//!
//! Only `Date` is shifted. `performance`, timers and file times are not, nor are other programs, contexts that a
//! program makes itself (`vm`), workers that are given another environment, `Intl` formatting of "now" and
//! `Temporal.Now`. Node before version 4 cannot be told to load a script first and keeps the real time.

/// The text, with the instant in milliseconds in place of `@INSTANT@`.
///
/// Written for Node 4 to 26: a proxy where there is one, a plain function before. The first process fixes the
/// offset and hands it on, so that a child never sees an earlier time than its parent.
const TEXT: &str = r"'use strict';
(function () {
  var Original = Date;
  var realNow = Original.now;
  var variable = 'REBUILD_CLOCK_OFFSET';
  var inherited = Number(process.env[variable]);
  var offset = inherited && isFinite(inherited) ? inherited : @INSTANT@ - realNow.call(Original);
  try { process.env[variable] = String(offset); } catch (error) { /* a worker without an environment */ }
  if (Original.rebuildClock) { return; }
  Object.defineProperty(Original, 'rebuildClock', { value: true });
  function now() { return realNow.call(Original) + offset; }
  Object.defineProperty(Original, 'now', { value: now, writable: true, configurable: true });
  var Shifted;
  if (typeof Proxy === 'function' && typeof Reflect === 'object') {
    Shifted = new Proxy(Original, {
      construct: function (target, values, made) {
        return Reflect.construct(target, values.length === 0 ? [now()] : values, made);
      },
      apply: function () { return new Original(now()).toString(); }
    });
  } else {
    Shifted = function Date(a, b, c, d, e, f, g) {
      if (!(this instanceof Shifted)) { return new Original(now()).toString(); }
      var made;
      switch (arguments.length) {
        case 0: made = new Original(now()); break;
        case 1: made = new Original(a); break;
        case 2: made = new Original(a, b); break;
        case 3: made = new Original(a, b, c); break;
        case 4: made = new Original(a, b, c, d); break;
        case 5: made = new Original(a, b, c, d, e); break;
        case 6: made = new Original(a, b, c, d, e, f); break;
        default: made = new Original(a, b, c, d, e, f, g);
      }
      if (Object.setPrototypeOf) { Object.setPrototypeOf(made, Object.getPrototypeOf(this)); }
      return made;
    };
    Shifted.prototype = Original.prototype;
    Shifted.parse = Original.parse;
    Shifted.UTC = Original.UTC;
    Shifted.now = now;
  }
  Object.defineProperty(Original.prototype, 'constructor', { value: Shifted, writable: true, configurable: true });
  Object.defineProperty(typeof globalThis === 'object' ? globalThis : global, 'Date', {
    value: Shifted, writable: true, configurable: true, enumerable: false
  });
})();
";

/// The script for an instant in seconds since 1970.
pub fn clock_script(instant: i64) -> String {
    TEXT.replace("@INSTANT@", &instant.saturating_mul(1000).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_instant_is_in_milliseconds() {
        let script = clock_script(1_700_000_000);
        assert!(script.contains(": 1700000000000 - realNow") && !script.contains('@'), "{script}");
        assert!(clock_script(i64::MAX).contains(&i64::MAX.to_string()));
    }
}
