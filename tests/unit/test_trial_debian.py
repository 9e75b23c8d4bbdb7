"""The trial of the how-to for Debian runs what is on the page."""

from __future__ import annotations

from pathlib import Path

from ops.trials import debian


def test_every_section_with_commands_is_run(tmp_path: Path) -> None:
    (tmp_path / "etc/systemd/system/multi-user.target.wants").mkdir(parents=True)
    debian.write_trial(tmp_path)
    script = (tmp_path / "trial.sh").read_text()
    blocks = debian.read_blocks()
    assert set(blocks) >= {debian.FIRST, *debian.BETWEEN}
    for heading in blocks.keys() - {debian.FIRST, "Update", "The first person, and the check"}:
        for block in blocks[heading]:
            assert block in script, heading
    assert script.index("nginx -t") < script.index("admin doctor")
