"""A task on the small real catalog: the odd shots, whose picture tells them, or every other clip."""

from mediafm.probes import load_task

TITLES, SHOTS = 8, 12
LABELLED = TITLES - 2


def task_of(tmp_path, unit_name="shot", column="odd"):
    if unit_name == "shot":
        rows = [f"t{t},{2 * i},{2 * i + 2},{i % 2}" for t in range(LABELLED) for i in range(SHOTS)]
    else:
        rows = [f"t{t},{4 * i + 1},{4 * i + 4},{i % 2}" for t in range(LABELLED) for i in range(SHOTS // 2)]
    (tmp_path / "labels.csv").write_text(f"title,start,end,{column}\n" + "\n".join(rows))
    (tmp_path / "task.toml").write_text(
        f'name = "odd"\nkind = "binary"\nunit = "{unit_name}"\nlabels = "labels.csv"\n[split]\nfolds = 3\n'
    )
    return load_task(tmp_path / "task.toml")
