import stat

from airflow_host.files import File


def test_a_written_file_is_right(tmp_path):
    file = File(tmp_path / "deep" / "file", "text\n", mode=0o400)
    assert not file.is_right()
    file.write()
    assert file.is_right()
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o400
    assert [path.name for path in file.path.parent.iterdir()] == ["file"]


def test_other_content_or_mode_is_not_right(tmp_path):
    file = File(tmp_path / "file", "text\n")
    file.write()
    assert not File(file.path, "other\n").is_right()
    assert not File(file.path, "text\n", mode=0o600).is_right()


def test_a_link_is_replaced_and_its_target_left_alone(tmp_path):
    (tmp_path / "target").write_text("theirs")
    (tmp_path / "file").symlink_to("target")
    File(tmp_path / "file", "ours").write()
    assert (tmp_path / "target").read_text() == "theirs"
    assert not (tmp_path / "file").is_symlink()


def test_diff_shows_lines_but_no_secret(tmp_path):
    (tmp_path / "file").write_text("a\n")
    assert "-a\n+b" in File(tmp_path / "file", "b\n").diff()
    assert File(tmp_path / "file", "b\n", secret=True).diff() == "(secret)"
