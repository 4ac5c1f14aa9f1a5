"""Secrets and addresses of the embedded default are made once and kept to their owner."""

import json
import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import unquote, urlsplit

import psycopg2.extensions
import pytest
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from fairdb_site.errors import Refused
from fairdb_site.local.state import LocalState, local_state, move_port, rotate_signing_key
from fairdb_site.tests.local.conftest import MakeFolder
from fairdb_site.tests.local.stacks import IS_ROOT, PROJECT


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_first_use_makes_a_state_and_later_ones_read_it(make_folder: MakeFolder) -> None:
    folder = make_folder()
    first = local_state(folder)
    assert local_state(folder) == first
    assert first.folder == folder


def test_secrets_are_readable_by_their_owner_only(make_folder: MakeFolder) -> None:
    folder = make_folder()
    state = local_state(folder)
    assert mode(folder / "state.json") == 0o600
    assert mode(state.cluster_dir) == 0o700
    # as root the server, somebody else, has to pass through; it can list nothing
    assert mode(folder) == (0o711 if IS_ROOT else 0o700)


def test_two_folders_share_no_secret(make_folder: MakeFolder) -> None:
    one, other = (local_state(make_folder()) for _ in range(2))
    kept = [
        set(json.loads((state.folder / "state.json").read_text()).values())
        for state in (one, other)
    ]
    assert not kept[0] & kept[1]
    assert len(kept[0]) == 12  # nothing is used twice in one folder either


def test_repr_of_a_state_shows_no_secret(make_folder: MakeFolder) -> None:
    state = local_state(make_folder())
    state = rotate_signing_key(state)
    secrets = [
        value for name, value in vars(state).items() if name not in {"folder", "gateway_port"}
    ]
    assert len(secrets) == 12
    assert not [secret for secret in secrets if secret in repr(state)]


def test_keys_are_of_the_kinds_their_users_need(make_folder: MakeFolder) -> None:
    state = local_state(make_folder())
    Fernet(state.token_key)
    key = load_pem_private_key(state.signing_key_pem.encode(), None)
    assert isinstance(key, EllipticCurvePrivateKey)
    assert key.curve.name == "secp256r1"
    assert len(state.hs256_secret.encode()) >= 32
    assert state.publishable_key.startswith("sb_publishable_")
    assert state.secret_key.startswith("sb_secret_")


@pytest.mark.parametrize("name", ["plain", "with blank", "it's", "per%cent", "ünï", "a@b:c?d#e"])
def test_database_url_names_the_socket_whatever_the_path(
    make_folder: MakeFolder, name: str
) -> None:
    state = local_state(make_folder(name))
    for role in ("postgres", "authenticator", "supabase_auth_admin", "supabase_admin"):
        url = state.database_url(role)
        dsn = psycopg2.extensions.parse_dsn(url)
        assert dsn["host"] == str(state.socket_dir)
        assert dsn["user"] == role
        assert dsn["password"] == state.password(role)
        assert dsn["dbname"] == "fairdb"
        assert unquote(urlsplit(url).netloc.rsplit("@")[1].rsplit(":")[0]) == str(state.socket_dir)


def test_concurrent_first_uses_agree(make_folder: MakeFolder) -> None:
    folder = make_folder()
    code = (
        "import sys; from pathlib import Path; from fairdb_site.local.state import local_state; "
        "print(local_state(Path(sys.argv[1])).token_key)"
    )
    children = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(folder)],
            stdout=subprocess.PIPE,
            text=True,
            cwd=PROJECT,
        )
        for _ in range(2)
    ]
    with ThreadPoolExecutor(8) as pool:
        states = set(pool.map(lambda _: local_state(folder).token_key, range(16)))
    seen = {child.communicate(timeout=60)[0].strip() for child in children}
    assert len(states | seen) == 1


def test_another_port_is_kept(make_folder: MakeFolder) -> None:
    state = local_state(make_folder())
    moved = move_port(state)
    assert moved.gateway_port != state.gateway_port
    assert local_state(state.folder) == moved
    assert moved.supabase_url == f"http://127.0.0.1:{moved.gateway_port}"


def test_rotated_key_is_kept_beside_the_one_before(make_folder: MakeFolder) -> None:
    state = local_state(make_folder())

    once = rotate_signing_key(state)
    twice = rotate_signing_key(once)

    assert once.former_signing_key_pem == state.signing_key_pem
    assert twice.former_signing_key_pem == once.signing_key_pem
    assert local_state(state.folder) == twice


def test_folder_may_be_named_through_a_link(make_folder: MakeFolder) -> None:
    folder = make_folder()
    state = local_state(folder)
    link = folder.parent / "link"
    link.symlink_to(folder)
    assert local_state(link) == state


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"gateway_port": 1}', "\x00"])
def test_a_spoilt_state_is_refused_with_its_mend(make_folder: MakeFolder, text: str) -> None:
    folder = make_folder()
    local_state(folder)
    (folder / "state.json").write_text(text)
    with pytest.raises(Refused, match=r"state\.json is not what .*local reset --folder"):
        local_state(folder)


def test_databases_without_their_secrets_are_refused_with_the_mend(
    make_folder: MakeFolder,
) -> None:
    folder = make_folder()
    (local_state(folder).cluster_dir / "data").mkdir()
    (folder / "state.json").unlink()
    with pytest.raises(Refused, match=r"state\.json, .* is gone\. .*local reset --folder"):
        local_state(folder)


def test_a_file_in_the_folders_place_is_a_plain_refusal(make_folder: MakeFolder) -> None:
    folder = make_folder()
    folder.write_text("not a folder")
    with pytest.raises(Refused, match=r"cannot be used: .* FAIRDB_LOCAL_DIR"):
        local_state(folder)
    folder.unlink()


def test_a_folder_that_was_there_keeps_its_mode(make_folder: MakeFolder) -> None:
    folder = make_folder()
    folder.mkdir()
    folder.chmod(0o755)
    (folder / "somebody's file").touch()
    assert isinstance(local_state(folder), LocalState)
    assert mode(folder) == 0o755


def test_reading_the_state_imports_no_heavy_module(make_folder: MakeFolder) -> None:
    folder = make_folder()
    local_state(folder)
    code = (
        "import sys; from pathlib import Path; from fairdb_site.local.state import local_state; "
        "local_state(Path(sys.argv[1])); "
        "print(*sorted({'cryptography', 'psycopg2', 'django', 'starlette'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)],
        capture_output=True,
        text=True,
        cwd=PROJECT,
        env=os.environ,
        check=True,
    )
    assert done.stdout.strip() == ""
