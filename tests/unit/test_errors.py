"""What a user reads after a mistake."""

from translate.errors import UserError, nearest, unknown


def test_the_message_says_what_where_expected_and_what_to_type() -> None:
    error = UserError("is empty", where="DIR/trainA", expected="images", hint="translate check DIR")
    assert str(error).splitlines() == ["DIR/trainA: is empty", "  expected: images", "  try: translate check DIR"]
    assert str(UserError("is empty")) == "is empty"


def test_nearest_names_a_close_name_and_is_silent_about_far_ones() -> None:
    known = ["learning_rate", "batch", "betas"]
    assert nearest("lerning_rate", known) == ' Did you mean "learning_rate"?'
    assert nearest("zzz", known) == ""
    assert nearest("batch", []) == ""


def test_unknown_lists_everything_that_is_known() -> None:
    message = str(unknown("preset", "cyclgan", {"pix2pix": 1, "cyclegan": 2}, hint="translate presets"))
    assert 'unknown preset "cyclgan". Did you mean "cyclegan"?' in message
    assert "one of cyclegan, pix2pix" in message
    assert message.endswith("try: translate presets")
