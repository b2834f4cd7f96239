"""What each reader refuses or leaves out, in a line that says what was expected."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest
from PIL import Image
from tests.readers.formats import BOXES, PIXELS, coco, npz, pictures, table, voc

from interp.dataset import TolerantReader
from interp.errors import InputError
from interp.opening.reader import read_data
from interp.registry import Registry
from interp_standard.reader import xml_file

REGISTRY = Registry.load()
BOMB = """<!DOCTYPE lolz [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>
<annotation><filename>&b;</filename></annotation>"""
OUTSIDE = """<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>
<annotation><filename>&x;</filename></annotation>"""


def refused(path: object) -> str:
    with pytest.raises(InputError) as caught:
        read_data(REGISTRY, str(path))
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("text", [BOMB, OUTSIDE, "<a>" * 60 + "</a>" * 60, "<annotation>", "x", ""])
def test_xml_that_is_not_safe_or_whole_is_left_out(tmp_path, text):
    path = voc(tmp_path)
    (path / "Annotations/bad.xml").write_text(text)
    data = read_data(REGISTRY, path)
    assert len(data) == 4
    assert "1 annotations were left out" in data.notes[-1] and "bad.xml" in data.notes[-1]
    assert "root:" not in data.notes[-1] and "haha" not in data.notes[-1]
    with pytest.raises(InputError):
        xml_file.read_xml(path / "Annotations/bad.xml")


def test_a_large_xml_file_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(xml_file, "MOST", 1000)
    path = tmp_path / "large.xml"
    path.write_text("<annotation>" + " " * 1000 + "</annotation>")
    with pytest.raises(InputError, match="1,025 bytes; expected at most 1,000 of XML"):
        xml_file.read_xml(path)


def test_boxes_of_voc_that_begin_at_zero_count_from_zero(tmp_path):
    path = voc(tmp_path)
    file = path / "Annotations/photo-1.xml"
    text = file.read_text().replace("<xmin>1<", "<xmin>0<").replace("<ymin>1<", "<ymin>0<")
    file.write_text(text)
    data = read_data(REGISTRY, path)
    assert "pixels of the boxes were counted from 0" in data.notes[0]
    left, top, right, bottom = BOXES[0]  # written as left + 1, top + 1, right, bottom
    assert data[0].instances[0].box == (left + 1, top + 1, right + 1, bottom + 1)


def test_objects_of_voc_that_cannot_be_used(tmp_path):
    path = voc(tmp_path, "<object><name>ant</name><bndbox><xmin>5</xmin></bndbox></object>")
    first = path / "Annotations/photo-0.xml"
    outside = "<object><name>bee</name><bndbox><xmin>90</xmin><ymin>90</ymin><xmax>99</xmax>"
    outside += "<ymax>99</ymax></bndbox></object></annotation>"
    first.write_text(first.read_text().replace("</annotation>", outside))
    data = read_data(REGISTRY, path)
    assert "4 annotations were left out (photo-0.xml: object 0: expected a name" in data.notes[-1]
    assert len(data[0].instances) == 1
    assert "an object was left out: bee" in data[0].notes[0]


def test_images_of_voc_by_the_annotations_name(tmp_path):
    path = voc(tmp_path)
    for file in (path / "Annotations").iterdir():
        file.write_text(file.read_text().replace(".png</filename>", ".gone</filename>"))
    assert (read_data(REGISTRY, path)[2].image == PIXELS[2]).all()
    (path / "JPEGImages").rename(path / "elsewhere")
    assert "found no folder JPEGImages/; expected it beside Annotations/" in refused(path)


def test_coco_without_its_images_says_where_they_were_looked_for(tmp_path):
    path = coco(tmp_path)
    (tmp_path / "val2017").rename(tmp_path / "moved")
    said = refused(path)
    assert "photo-0.png in none of" in said and str(tmp_path / "val2017") in said
    pictures(tmp_path / "annotations")  # beside the file
    assert len(read_data(REGISTRY, path)) == 4


def test_a_coco_folder_of_two_parts_wants_a_file(tmp_path):
    path = coco(tmp_path)
    path.with_name("instances_train2017.json").write_text(path.read_text())
    assert "name one file" in refused(tmp_path) and "instances_train2017.json" in refused(tmp_path)


def test_other_json_is_no_coco(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps({"a": 1}))
    assert "expected COCO JSON with lists of images" in refused(tmp_path / "a.json")


def test_tables_of_other_columns_and_missing_files(tmp_path):
    (tmp_path / "a.csv").write_text("name,size\nx,1\n")
    assert "found the columns name, size; expected one of paths (path" in refused(
        tmp_path / "a.csv"
    )
    path = table(tmp_path)
    (tmp_path / "images/photo-2.png").unlink()
    path.write_text(path.read_text("utf-8-sig") + ",,bee\n\n4,images/photo-0.png\n")
    data = read_data(REGISTRY, path)
    assert "1 rows without a path were left out" in data.notes
    assert data[4].label is None
    reader = TolerantReader(data)
    assert [each and each.label for _, each in reader.examples()] == [1, 0, None, 1, None]
    (said,) = [each for each in reader.notes() if "unreadable" in each]
    assert "photo-2.png: no such image file" in said


def test_a_table_may_name_files_elsewhere(tmp_path):
    files = pictures(tmp_path / "far/away")
    (tmp_path / "lists").mkdir()
    rows = [f"{files[0]}", "../far/away/photo-1.png"]
    (tmp_path / "lists/a.csv").write_text("path\n" + "\n".join(rows) + "\n")
    data = read_data(REGISTRY, tmp_path / "lists/a.csv")
    assert [each.label for each in data] == [None, None] and data.classes == ()
    assert "no column of classes was found" in data.notes[0]


def test_a_parquet_file_of_other_values(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    pa = pytest.importorskip("pyarrow")
    parquet.write_table(pa.table({"image": [1, 2]}), tmp_path / "a.parquet")
    assert "the column 'image' holds int64; expected paths as text" in refused(
        tmp_path / "a.parquet"
    )


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"images": PIXELS.transpose(0, 3, 1, 2)}, "transpose them (0, 2, 3, 1)"),
        (
            {"images": PIXELS.astype(np.int32)},
            "expected (N, H, W, 3), uint8 or fractions in [0, 1]",
        ),
        ({"labels": np.arange(3)}, "found labels (3,) of 4 images; expected one each"),
        ({"labels": np.zeros(4)}, "found labels of float64; expected numbers or names"),
        ({"labels": np.arange(4), "classes": np.array(["a"])}, "found labels 0 to 3 of 1 classes"),
    ],
)
def test_arrays_of_other_shapes_and_types(tmp_path, arrays, message):
    assert message in refused(npz(tmp_path, **arrays))


def test_an_archive_without_images(tmp_path):
    np.savez(tmp_path / "a.npz", other=np.zeros(3))
    assert "found the arrays other; expected images (N, H, W, 3)" in refused(tmp_path / "a.npz")


def test_grey_and_fractions(tmp_path):
    fractions = np.linspace(0, 1, 2 * 4 * 5).reshape(2, 4, 5)
    np.savez(tmp_path / "a.npz", images=fractions)
    data = read_data(REGISTRY, tmp_path / "a.npz")
    assert "pixels of float64 were read as [0, 1]" in data.notes
    assert (data[1].image[..., 0] == np.round(fractions[1] * 255)).all()
    np.savez(tmp_path / "b.npz", images=fractions * 255)
    with pytest.raises(InputError, match="expected fractions in"):
        _ = read_data(REGISTRY, tmp_path / "b.npz")[1]


def test_numbers_as_labels_are_sorted_as_numbers(tmp_path):
    data = read_data(REGISTRY, npz(tmp_path, labels=np.array([10, 2, 10, 7])))
    assert data.classes == ("2", "7", "10") and [each.label for each in data] == [2, 0, 2, 1]


def test_unpacked_arrays_stay_on_the_disk(tmp_path):
    """Reading one image of an archive that is not packed does not read the others."""
    data = read_data(REGISTRY, npz(tmp_path))
    _ = data[0]
    assert isinstance(data.images.values, np.memmap)  # type: ignore[attr-defined]


def test_labels_beside_images(tmp_path):
    np.save(tmp_path / "X_val.npy", PIXELS)
    data = read_data(REGISTRY, tmp_path / "X_val.npy")
    assert data.classes == () and "found no labels in y_val.npy, X_val_labels.npy" in data.notes[0]
    np.save(tmp_path / "y_val.npy", np.array([1, 1, 0, 0]))
    data = read_data(REGISTRY, tmp_path / "X_val.npy")
    assert [each.label for each in data] == [1, 1, 0, 0]


def test_without_datasets_the_extra_is_named(tmp_path, monkeypatch):
    (tmp_path / "dataset_info.json").write_text("{}")
    monkeypatch.setitem(sys.modules, "datasets", None)
    assert refused(tmp_path).endswith("is not installed; pip install 'interp[datasets]'")


def test_splits_of_datasets_are_named(tmp_path):
    (tmp_path / "dataset_dict.json").write_text("{}")
    for name in ("train", "test"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "dataset_info.json").write_text("{}")
    said = refused(tmp_path)
    assert f"found the splits test, train; name one, as in {tmp_path / 'test'}" in said


def test_a_data_set_of_datasets_without_images_or_classes(tmp_path):
    datasets = pytest.importorskip("datasets")
    datasets.disable_progress_bars()
    datasets.Dataset.from_dict({"text": ["a"]}).save_to_disk(str(tmp_path / "text"))
    assert "found the columns text, none of them images" in refused(tmp_path / "text")
    features = datasets.Features({"image": datasets.Image(), "class": datasets.Value("int64")})
    columns = {"image": [Image.fromarray(each) for each in PIXELS], "class": [10, 2, None, 10]}
    datasets.Dataset.from_dict(columns, features).save_to_disk(str(tmp_path / "numbers"))
    data = read_data(REGISTRY, tmp_path / "numbers")
    assert data.classes == ("2", "10") and [each.label for each in data] == [1, 0, None, 1]
    assert "1 images have no class" in data.notes
