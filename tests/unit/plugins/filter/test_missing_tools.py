from ansible_collections.graviflow.airflow.plugins.filter.missing_tools import missing_tools


def test_only_what_is_not_on_the_path_is_missing(tmp_path, monkeypatch):
    (tmp_path / "there").touch(mode=0o755)
    (tmp_path / "no-program").touch(mode=0o644)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert missing_tools(["there", "no-program", "absent"]) == ["no-program", "absent"]
