from functions.video_split.upright import exif_turn, matrix_turn


def test_turns_agree() -> None:
    """An EXIF orientation and the display matrix that says the same lead to the same filters."""
    same = {
        1: (1, 0, 0, 1),
        2: (-1, 0, 0, 1),
        3: (-1, 0, 0, -1),
        4: (1, 0, 0, -1),
        5: (0, 1, 1, 0),
        6: (0, 1, -1, 0),
        7: (0, -1, -1, 0),
        8: (0, -1, 1, 0),
    }
    for value, (a, b, c, d) in same.items():
        assert exif_turn(value) == matrix_turn((a * 65536, b * 65536, c * 65536, d * 65536))
    assert matrix_turn((0, 0, 0, 0)) == matrix_turn((65000, 900, -900, 65000)) == exif_turn(1)
