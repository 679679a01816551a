//! `agora completions` and `agora man`.

use crate::printed;

#[test]
fn shells_and_man_know_every_command() {
    let folder = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish"] {
        let script = printed(folder.path(), &["completions", shell], "");
        assert!(
            script.contains("create-admin") && script.contains("rest-listen"),
            "{shell}"
        );
    }
    printed(folder.path(), &["man", "man"], "");
    let page = |name: &str| std::fs::read_to_string(folder.path().join("man").join(name)).unwrap();
    assert!(page("agora.1").contains("create\\-admin"));
    assert!(
        page("agora-serve.1").contains("127.0.0.1:4000"),
        "the defaults are missing"
    );
}
