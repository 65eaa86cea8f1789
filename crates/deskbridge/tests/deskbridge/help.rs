use deskbridge::Exit;

use crate::stage::Stage;

#[tokio::test]
async fn every_command_explains_itself() {
    let mut all = Stage::bare().run(["--help"]).await.expect(Exit::Done).out;
    for command in [
        &["login"][..],
        &["list"],
        &["templates"],
        &["create"],
        &["show"],
        &["update"],
        &["test"],
        &["sync"],
        &["runs"],
        &["metrics"],
        &["streams"],
        &["data"],
        &["import"],
        &["export"],
        &["act"],
        &["delete"],
        &["config", "export"],
        &["config", "import"],
        &["completions"],
    ] {
        let ran = match command {
            [one] => Stage::bare().run([one, "--help"]).await,
            [first, second] => Stage::bare().run([first, second, "--help"]).await,
            _ => unreachable!("commands have two words at most"),
        };
        let own = ran.expect(Exit::Done).out;
        // The same everywhere, and shown above.
        let own = own.split("\nGlobal options:").next().unwrap();
        all.extend(["\n=== ", &command.join(" "), " ===\n", own]);
    }
    insta::assert_snapshot!(all);
}

#[tokio::test]
async fn what_makes_no_sense_is_a_usage_error() {
    for arguments in [
        ["show", "seven"],
        ["show", "0"],
        ["frobnicate", "7"],
        ["update", "7"],
        ["list", "--frobnicate"],
    ] {
        let ran = Stage::bare().run(arguments).await.expect(Exit::Usage);
        assert!(ran.err.contains("error:"), "{ran:?}");
        assert_eq!(ran.out, "");
    }
}

#[tokio::test]
async fn shells_get_a_script() {
    for (shell, text) in [
        ("bash", "complete -F _deskbridge"),
        ("zsh", "#compdef deskbridge"),
        ("fish", "complete -c deskbridge"),
    ] {
        let ran = Stage::bare()
            .run(["completions", shell])
            .await
            .expect(Exit::Done);
        assert!(ran.out.contains(text), "{}", ran.out);
    }
}
