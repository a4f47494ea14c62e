from avel_tf.training.run_folder import RunFolder


def test_history_has_a_row_per_epoch(tmp_path):
    RunFolder(tmp_path).write_history([{"loss": 0.5, "val_accuracy": 0.1}, {"loss": 0.25}])
    assert (tmp_path / "history.csv").read_text().splitlines() == [
        "epoch,loss,val_accuracy",
        "1,0.5,0.1",
        "2,0.25,",
    ]
