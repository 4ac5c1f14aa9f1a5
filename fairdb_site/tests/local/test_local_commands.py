"""The `local` command does its actions from `manage.py` and without Django."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fairdb_site.local import stack as local_stack
from fairdb_site.local.commands import main
from fairdb_site.local.state import local_state
from fairdb_site.management.commands.demo import demo_passwords
from fairdb_site.tests.local.conftest import MakeFolder, Plant
from fairdb_site.tests.local.stacks import PROJECT, query

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def folder(make_folder: MakeFolder, plant: Plant) -> Iterator[Path]:
    folder = plant(make_folder())
    yield folder
    local_stack.stop(folder)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run an action; give the exit code, stdout and stderr."""

    def run(folder: Path, *arguments: str) -> tuple[int, str, str]:
        code = main(list(arguments), folder, None)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def one_object(text: str) -> Any:
    assert text.count("\n") == 1
    return json.loads(text)


def test_up_status_down_tell_what_they_did(run: Run, folder: Path) -> None:
    local_stack.stop(folder)
    code, out, _ = run(folder, "up", "--json")
    url = local_state(folder).supabase_url
    assert (code, one_object(out)) == (0, {"started": ["postgres", "gateway"], "supabase_url": url})
    assert one_object(run(folder, "up", "--json")[1])["started"] == []

    code, out, _ = run(folder, "status", "--json")
    status = one_object(out)
    assert code == 0
    assert status["postgres"]["running"] is status["gateway"]["running"] is True
    assert status["postgres"]["version"].startswith("18.")
    assert status["gateway"]["where"] == url
    assert status["folder"] == str(folder)
    assert status["publishable_key"] == local_state(folder).publishable_key

    assert one_object(run(folder, "down", "--json")[1]) == {"stopped": ["gateway", "postgres"]}
    assert one_object(run(folder, "down", "--json")[1]) == {"stopped": []}
    status = one_object(run(folder, "status", "--json")[1])
    assert status["postgres"]["running"] is status["gateway"]["running"] is False


def test_people_read_sentences(run: Run, folder: Path) -> None:
    assert "Supabase" in run(folder, "up")[1]
    out = run(folder, "status")[1]
    assert "PostgreSQL running 18." in out
    assert local_state(folder).supabase_url in out
    assert run(folder, "down")[1] == "Stopped gateway and postgres.\n"
    assert run(folder, "down")[1] == "Nothing was running.\n"
    assert "stopped" in run(folder, "status")[1]


def test_no_output_holds_a_secret(run: Run, folder: Path) -> None:
    state = local_state(folder)
    # of the last but one there is none yet; the last is for everybody
    others = {"folder", "gateway_port", "former_signing_key_pem", "publishable_key"}
    secrets = [v for n, v in vars(state).items() if n not in others]
    for arguments in (["up"], ["up", "--json"], ["status"], ["status", "--json"], ["bootstrap"]):
        text = "".join(run(folder, *arguments)[1:])
        assert not [secret for secret in secrets if secret in text]


def test_status_makes_nothing(run: Run, make_folder: MakeFolder) -> None:
    folder = make_folder()
    code, out, _ = run(folder, "status", "--json")
    assert code == 0
    assert one_object(out)["cluster"] is None
    assert "not set up" in run(folder, "status")[1]
    assert one_object(run(folder, "down", "--json")[1]) == {"stopped": []}
    assert one_object(run(folder, "outbox", "--json")[1]) == {"mails": []}
    assert not folder.exists()


def test_bootstrap_repeats_on_the_embedded_server(run: Run, folder: Path) -> None:
    code, out, _ = run(folder, "bootstrap", "--json")
    assert (code, one_object(out)) == (0, {"bootstrapped": "the embedded server"})
    assert query(local_state(folder).database_url(), "select auth.uid()") == [(None,)]


def test_outbox_prints_mails_newest_last(run: Run, make_folder: MakeFolder) -> None:
    folder = make_folder()
    assert run(folder, "outbox")[1] == "No mail yet.\n"
    outbox = folder / "outbox"
    outbox.mkdir(parents=True)
    for name, created in (("20260102T000000-b", "2026-01-02"), ("20260101T000000-c", "2026-01-01")):
        mail = {
            "to": "a@example.org",
            "subject": "Reset your password",
            "text": f"mail of {created}",
            "type": "recovery",
            "token_hash": "x",
            "link": "http://127.0.0.1:8000/recover",
            "created_at": created,
        }
        (outbox / f"{name}.json").write_text(json.dumps(mail))
    mails = one_object(run(folder, "outbox", "--json")[1])["mails"]
    assert [mail["created_at"] for mail in mails] == ["2026-01-01", "2026-01-02"]
    out = run(folder, "outbox")[1]
    assert out.index("mail of 2026-01-01") < out.index("mail of 2026-01-02")
    assert "to a@example.org: Reset your password" in out


def test_mail_of_the_real_gateway_is_printed(run: Run, folder: Path) -> None:
    from fairdb_site.tests.local.stacks import post, sign_up

    state = local_stack.ensure_started(folder).state
    assert sign_up(state, "forgetful@example.org") == 200
    assert post(state, "/auth/v1/recover", {"email": "forgetful@example.org"}) == 200
    mail = one_object(run(folder, "outbox", "--json")[1])["mails"][-1]
    assert mail["to"] == "forgetful@example.org"
    assert mail["link"] in run(folder, "outbox")[1]


@pytest.mark.parametrize("answer", ["no\n", "\n", "y\n"])
def test_reset_asks_first(
    run: Run, make_folder: MakeFolder, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    folder = make_folder()
    local_state(folder)
    monkeypatch.setattr(sys, "stdin", io.StringIO(answer))
    code, out, err = run(folder, "reset")
    assert (code, out) == (1, "")
    assert "every account and dataset" in err
    assert (folder / "state.json").exists()
    monkeypatch.setattr(sys, "stdin", io.StringIO("yes\n"))
    assert run(folder, "reset")[0] == 0
    assert not folder.exists()


def test_reset_without_anybody_to_ask_needs_yes(
    run: Run, make_folder: MakeFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_folder()
    local_state(folder)
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    code, out, err = run(folder, "reset", "--json")
    assert (code, out) == (1, "")
    assert "--yes" in err
    assert one_object(run(folder, "reset", "--yes", "--json")[1]) == {"removed": True}
    assert one_object(run(folder, "reset", "--yes", "--json")[1]) == {"removed": False}


def test_reset_stops_what_runs_and_keeps_nothing(
    run: Run, make_folder: MakeFolder, plant: Plant, settings: Any
) -> None:
    folder = plant(make_folder())
    before = local_stack.ensure_started(folder).state
    settings.FAIRDB_LOCAL_DIR = folder
    demo_passwords()
    assert run(folder, "reset", "--yes")[0] == 0
    status = local_stack.status(folder)
    assert status.postgres.pid is status.gateway.pid is None
    assert not folder.exists()
    assert local_state(folder).pseudonym_key != before.pseudonym_key


def test_spoilt_state_can_be_reset_with_the_command_its_message_names(
    run: Run, make_folder: MakeFolder
) -> None:
    folder = make_folder("with blank")
    local_state(folder)
    (folder / "state.json").write_text("{")
    code, _, err = run(folder, "up")
    assert code == 1
    assert f"python -m fairdb_site.local reset --folder '{folder}'" in err
    code, _, _ = run(Path("/nowhere"), "reset", "--yes", "--folder", str(folder))
    assert code == 0
    assert not folder.exists()


def test_wrong_usage_is_exit_code_2(folder: Path) -> None:
    for arguments in ([], ["sideways"], ["up", "--loud"]):
        with pytest.raises(SystemExit) as caught:
            main(arguments, folder, None)
        assert caught.value.code == 2


def manage(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("SUPABASE")}
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        capture_output=True,
        text=True,
        cwd=PROJECT,
        env=clean | environment,
        stdin=subprocess.DEVNULL,
        timeout=120,
        check=False,
    )


def test_manage_py_local_is_the_same_command(folder: Path) -> None:
    local_stack.ensure_started(folder)
    done = manage("local", "status", "--json", FAIRDB_LOCAL_DIR=str(folder))
    assert done.returncode == 0, done.stderr
    assert one_object(done.stdout)["postgres"]["running"] is True
    refused = manage("local", "reset", FAIRDB_LOCAL_DIR=str(folder))
    assert refused.returncode == 1
    assert "--yes" in refused.stderr
