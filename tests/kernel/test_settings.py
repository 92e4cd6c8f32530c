"""What the environment may say, and that all of it is documented."""

from pathlib import Path

import pytest

from miandan.agent.folder import AgentSettings
from miandan.kernel.errors import Refusal
from miandan.kernel.settings import Settings

ROWS = [*Settings.rows(), *AgentSettings.rows()]
DOCUMENT = Path(__file__).parents[2] / "docs/settings.md"


def test_every_setting_stands_in_the_documentation_with_both_texts_and_its_default() -> None:
    lines = DOCUMENT.read_text(encoding="utf-8").splitlines()
    for row in ROWS:
        line = f"| `{row.name}` | {row.zh} | {row.en} | {f'`{row.default}`' if row.default else '-'} |"
        assert line in lines, f"docs/settings.md lacks: {line}"


def test_the_documentation_names_no_setting_that_does_not_exist() -> None:
    documented = {
        line.split("`")[1]
        for line in DOCUMENT.read_text(encoding="utf-8").splitlines()
        if line.startswith("| `MIANDAN_")
    }
    assert documented == {row.name for row in ROWS}


def test_an_empty_environment_gives_the_documented_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/somebody")
    settings = Settings.from_environment({})
    assert settings.data == Path("/somebody/.local/share/miandan")
    assert (settings.database_url, settings.passphrase, settings.sandbox) == (None, None, False)
    assert (settings.pool, settings.linger_seconds) == (10, 5.0)


def test_the_xdg_folder_counts_unless_it_is_relative(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/somebody")
    assert Settings.from_environment({"XDG_DATA_HOME": "/var/xdg"}).data == Path("/var/xdg/miandan")
    assert Settings.from_environment({"XDG_DATA_HOME": "xdg"}).data == Path("/somebody/.local/share/miandan")
    assert Settings.from_environment({"MIANDAN_DATA": "~/d"}).data == Path("/somebody/d")


def test_secrets_stay_out_of_the_repr() -> None:
    settings = Settings.from_environment(
        {"MIANDAN_PASSPHRASE": "open sesame", "MIANDAN_DATABASE_URL": "postgresql://u:s3cret@h/d", "MIANDAN_DATA": "/d"}
    )
    assert settings.passphrase == "open sesame"
    assert "sesame" not in repr(settings)
    assert "s3cret" not in repr(settings)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MIANDAN_SANDBOX", "perhaps"),
        ("MIANDAN_POOL", "many"),
        ("MIANDAN_POOL", "0"),
        ("MIANDAN_LINGER", "-1"),
        ("MIANDAN_LINGER", "nan"),
    ],
)
def test_a_value_that_cannot_be_read_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(Refusal) as refused:
        Settings.from_environment({name: value, "MIANDAN_DATA": "/d"})
    assert refused.value.code == "settings.bad_value"
    assert name in refused.value.zh
    assert name in refused.value.en
