import numpy as np

from venule.vessels.path import follow_vessel


def test_a_path_follows_a_faint_arc_and_not_the_straight_line() -> None:
    probability = np.full((60, 60), 0.01, np.float32)
    rows, columns = np.ogrid[:60, :60]
    away = np.hypot(rows - 50, columns - 30)
    probability[np.abs(away - 25) < 1.2] = 0.2  # below the threshold, above its surroundings
    path = follow_vessel(probability, (50, 5), (50, 55), threshold=0.5)
    assert tuple(path[0]) == (50, 5)
    assert tuple(path[-1]) == (50, 55)
    assert (np.abs(np.diff(path, axis=0)).max(axis=1) == 1).all()  # 8-connected
    assert (np.abs(np.hypot(path[:, 0] - 50, path[:, 1] - 30) - 25) < 2).all()


def test_without_anything_to_follow_the_path_is_straight() -> None:
    path = follow_vessel(np.zeros((20, 20), np.float32), (3, 2), (3, 17), threshold=0.5)
    assert path.tolist() == [[3, column] for column in range(2, 18)]


def test_a_path_leads_around_what_lies_outside_the_field() -> None:
    fov = np.ones((40, 40), bool)
    fov[10:30, 18:22] = False
    path = follow_vessel(
        np.full((40, 40), 0.4, np.float32), (20, 5), (20, 35), threshold=0.5, fov=fov
    )
    assert fov[path[:, 0], path[:, 1]].all()
