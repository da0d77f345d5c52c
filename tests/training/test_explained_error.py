import pickle

from training.data import DataError


def test_an_error_keeps_its_message_and_its_subject_between_processes() -> None:
    error = pickle.loads(pickle.dumps(DataError("There is no file a.png.", "a.png")))
    assert (type(error), str(error), error.subject) == (DataError, "There is no file a.png.", "a.png")
