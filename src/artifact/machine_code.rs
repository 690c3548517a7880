/// What the first bytes say, if a machine runs what begins so.
pub fn machine_code(content: &[u8]) -> Option<&'static str> {
    const SIGNATURES: [(&[u8], &str); 10] = [
        (b"\x7fELF", "an ELF file"),
        (b"\0asm", "a WebAssembly module"),
        (b"\xfe\xed\xfa\xce", "a Mach-O file"),
        (b"\xfe\xed\xfa\xcf", "a Mach-O file"),
        (b"\xce\xfa\xed\xfe", "a Mach-O file"),
        (b"\xcf\xfa\xed\xfe", "a Mach-O file"),
        (b"\xca\xfe\xba\xbe", "a universal Mach-O file or a Java class"),
        (b"!<arch>\n", "an archive of object files"),
        (b"BC\xc0\xde", "LLVM bitcode"),
        (b"dex\n", "an Android executable"),
    ];
    if let Some((_, name)) = SIGNATURES.iter().find(|(signature, _)| content.starts_with(signature)) {
        return Some(name);
    }
    // Two letters are too few: the header of Windows programs says where the real signature is.
    let header = content.strip_prefix(b"MZ")?.get(58..62)?;
    let start = usize::try_from(u32::from_le_bytes(header.try_into().ok()?)).ok()?;
    content.get(start..)?.starts_with(b"PE\0\0").then_some("a Windows program")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machine_code_is_told_by_its_first_bytes() {
        let mut program = b"MZ".to_vec();
        program.resize(64, 0);
        program[60] = 64;
        program.extend_from_slice(b"PE\0\0");
        assert_eq!(machine_code(&program), Some("a Windows program"));
        assert_eq!(machine_code(b"\x7fELF\x02"), Some("an ELF file"));
        assert_eq!(machine_code(b"\0asm\x01\0\0\0"), Some("a WebAssembly module"));
        for text in [&b"MZ is how this text begins"[..], b"MZ", b"", b"\x89PNG\r\n", &[b'M', b'Z'].repeat(40)] {
            assert_eq!(machine_code(text), None, "{text:?}");
        }
    }
}
