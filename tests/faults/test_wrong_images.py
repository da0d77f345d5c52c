"""Ten thousand wrong image files. The answer is an image, or an error that explains itself."""

import io

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from wrong_values import answer, many

from training.data.image_folder import _scan, open_folder

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


def image_bytes(kind: str) -> bytes:
    content = io.BytesIO()
    Image.new("RGB", (5, 4), (1, 2, 3)).save(content, format=kind)
    return content.getvalue()


IMAGES = {
    suffix: image_bytes(kind) for suffix, kind in ((".png", "PNG"), (".jpg", "JPEG"), (".gif", "GIF"), (".bmp", "BMP"))
}


@many
@given(data=st.data())
def test_a_folder_with_a_wrong_image(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    root = tmp_path_factory.getbasetemp() / "images"
    if not root.exists():
        for part in ("train", "test"):
            for name in ("ant", "bee"):
                (root / part / name).mkdir(parents=True)
                (root / part / name / "0.png").write_bytes(IMAGES[".png"])
    suffix = data.draw(st.sampled_from(sorted(IMAGES)))
    whole = IMAGES[suffix]
    start = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(start, min(len(whole), start + 20)))
    wrong = root / "train" / "ant" / f"1{suffix}"
    wrong.write_bytes(whole[:start] + data.draw(st.binary(max_size=8)) + whole[end:])
    _scan.cache_clear()
    try:
        answer(lambda: open_folder(root, "train").images(torch.arange(3)))
    finally:
        wrong.unlink()
