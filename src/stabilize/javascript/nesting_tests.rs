use super::*;

fn deepest(text: &str, has_types: bool) -> usize {
    let (mut low, mut high) = (0_usize, 4_000_000_usize);
    while low < high {
        let middle = low.midpoint(high);
        if is_bounded(text, has_types, middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    low
}

#[test]
fn every_way_to_nest_is_counted() {
    let many = |unit: &str| unit.repeat(1_000);
    let nested = [
        (many("("), many(")")),
        (many("a=["), many("]")),
        (many("`${"), many("}`")),
        (many("!"), "a".to_owned()),
        (many("a=>"), "a".to_owned()),
        (many("if(a,b)"), "a".to_owned()),
        (many("if(a);else "), "a".to_owned()),
        (many("if(a){}else "), "a".to_owned()),
        (many("do "), "a;".to_owned() + &many("while(a);")),
        (many("a:"), "a".to_owned()),
        (many("a?b:"), "a".to_owned()),
        ("a".to_owned(), many(".a")),
        ("a".to_owned(), many("+a")),
        ("1".to_owned(), many(".a")),
        ("a".to_owned(), many("()")),
        (many("for(a;b;c)"), "a".to_owned()),
    ];
    for (open, close) in nested {
        let text = format!("{open}{close}");
        assert!(deepest(&text, false) >= 1_000, "{}", &text[..20]);
    }
    assert!(deepest(&format!("let a:{}b{}", many("A<B,"), many(">")), true) >= 1_000);
}

#[test]
fn long_files_of_shallow_code_are_shallow() {
    for unit in ["a(b,[c],{d:1});", "function a(){}", "if(a){b}", "var a=`x${b}`,c='(';", "a=b/c/d;", "x.if(a)/2;\n"] {
        let depth = deepest(&unit.repeat(5_000), false);
        assert!(depth < 40, "{unit}: {depth}");
    }
    assert!(deepest(&format!("[{}]", "1,".repeat(50_000)), false) < 10);
}

#[test]
fn nothing_is_hidden_behind_a_slash_that_can_be_read_twice() {
    let deep = "(".repeat(1_000);
    for hidden in [
        format!("}}/'/;{deep}//'"),
        format!("a={{}}/'/{deep}//'"),
        format!("yield/'/{deep}//'"),
        format!("x=a\n/'/{deep}//'"),
        format!("break\n/\"/.b;{deep}//\""),
        format!("++/`/.b;{deep}//`"),
        format!("if(a)/'/.b;{deep}//'"),
        format!("x.if(a)/'{deep}'"),
        format!("return/[/'\"`]/.a;{deep}"),
    ] {
        let hidden = format!("{{{hidden}");
        // Where only one reading is possible and holds the brackets in a string, there is no depth.
        let depth = deepest(&hidden, true);
        assert!(depth >= 1_000 || hidden.contains("x.if"), "{}: {depth}", &hidden[..20]);
    }
}

#[test]
fn odd_texts_end() {
    for text in ["", "`", "'", "/*", "`${", "}", "#!", "\u{2028}", "/[", "<!--", "a\n-->", "1.", "\\", "é/a/"] {
        let _ = is_bounded(text, false, 10);
    }
    assert!(!is_bounded("a <!-- b", false, 100));
}

proptest::proptest! {
    #[test]
    fn any_text_ends(text in "[/'\"`${}()\\[\\]a;,\\\\\n<!\\-]{0,60}") {
        let _ = is_bounded(&text, true, 30);
    }
}
