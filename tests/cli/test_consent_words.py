"""`miandan apps consent`: a word for one shop or carrier, shown once, and good on the authorisation page."""

import re

import pytest

from miandan.access import consents
from miandan.access.model import AppKind, Registration, Scope, carrier, shop
from miandan.access.service import register_app
from miandan.kernel.database import open_database
from miandan.kernel.settings import Settings
from miandan.vault.root import open_root_key
from tests.cli.clerk import Clerk, clerk_of

WORD = re.compile(r"^授权口令 word +((?:[0-9A-Z]{4}-){3}[0-9A-Z]{4})$", re.MULTILINE)


@pytest.fixture(scope="module")
def patient_clerk(shared_sandbox_url: str, tmp_path_factory: pytest.TempPathFactory) -> Clerk:
    """Makes mistakes only, so all of them can be made in one sandbox."""
    return clerk_of(shared_sandbox_url, tmp_path_factory.mktemp("patient"))


async def test_words_are_shown_once_and_prove_their_subject(clerk: Clerk) -> None:
    settings = Settings.from_environment(clerk.environment)
    form = Registration("示例 ERP", AppKind.TOOL, frozenset({Scope.ORDERS, Scope.CARRIER}))
    async with open_database(settings) as db:
        app, _ = await register_app(db, open_root_key(settings.data, None, sandbox=True), form)
        for options, subject in (
            (("--shop", "S10001"), shop(1001, "S10001")),
            (("--shop", "S10001", "--merchant", "1001"), shop(1001, "S10001")),
            (("--merchant", "1002"), shop(1002)),
            (("--carrier", "中通"), carrier("zto")),
        ):
            done = clerk.run("apps", "consent", *options)
            assert done.code == 0, done.err
            (word,) = WORD.findall(done.out)
            assert word not in done.err
            assert "https://HOST/authorize?service_id=APP" in done.err
            assert "127.0.0.1" not in done.err
            assert (await consents.prove(db, app.app_key, word)).subject == subject


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ((), "apps.one_subject"),
        (("--shop", "S10001", "--carrier", "zto"), "apps.one_subject"),
        (("--shop", "S9"), "shop.unknown"),
        (("--shop", "S10001", "--merchant", "1002"), "shop.unknown"),
        (("--merchant", "9"), "merchant.unknown"),
        (("--carrier", "没有"), "carrier.unknown"),
    ],
)
def test_a_word_is_for_one_that_exists(patient_clerk: Clerk, options: tuple[str, ...], code: str) -> None:
    done = patient_clerk.run("apps", "consent", *options)
    assert (done.code, done.error_code) == (1, code)
    assert done.out == ""
