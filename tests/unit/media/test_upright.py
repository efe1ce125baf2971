from rollcall.media.videos.upright import Turn, matrix_turn


def test_every_quarter_turn_and_mirroring() -> None:
    turns = {
        (1, 0, 0, 1): (),
        (-1, 0, 0, 1): (("hflip",),),
        (-1, 0, 0, -1): (("hflip",), ("vflip",)),
        (1, 0, 0, -1): (("vflip",),),
        (0, 1, 1, 0): (("transpose", "cclock_flip"),),
        (0, 1, -1, 0): (("transpose", "clock"),),
        (0, -1, -1, 0): (("transpose", "clock_flip"),),
        (0, -1, 1, 0): (("transpose", "cclock"),),
    }
    for (a, b, c, d), filters in turns.items():
        assert matrix_turn((a * 65536, b * 65536, c * 65536, d * 65536)) == Turn(filters)
    assert matrix_turn((0, 0, 0, 0)) == matrix_turn((65000, 900, -900, 65000)) == Turn()
