import pytest

from spikeloom.design import Design
from spikeloom.golden.position import gray, log, table


def make(tokens, values, index="difference", heads=2):
    return Design.from_dict(
        {"tokens": tokens, "dim": 4 * heads, "heads": heads, "steps": 1, "position": "table"}
        | {"table": {"values": values, "index": index}}
    )


def test_difference_is_query_less_key():
    design = make(3, [[-2, -1, 0, 1, 2], [10, 20, 30, 40, 50]])
    assert table.bias_matrix(design, 0).tolist() == [[0, -1, -2], [1, 0, -1], [2, 1, 0]]
    assert table.bias_matrix(design, 1)[2, 0] == 50
    assert table.entries(design, 1) == [10, 20, 30, 40, 50]


def test_one_list_serves_all_heads():
    design = make(2, [1, 2, 3], heads=3)
    assert table.entries(design, 0) == table.entries(design, 2) == [1, 2, 3]


def test_xor_table_is_the_general_form_of_gray():
    tokens, bits = 12, 4
    values = [bits - gray.gray_code(x).bit_count() for x in range(16)]
    matrix = table.bias_matrix(make(tokens, values, index="xor"), 0)
    for i in range(tokens):
        for j in range(tokens):
            differing = (gray.gray_code(i) ^ gray.gray_code(j)).bit_count()
            assert matrix[i, j] == bits - differing


def test_difference_table_is_the_general_form_of_log():
    row = log.paper_row(12, 12)
    values = [row[abs(entry - 11)] for entry in range(23)]
    other = Design.from_dict(
        {"tokens": 12, "dim": 4, "heads": 1, "steps": 1, "similarity": "xnor", "position": "log"}
    )
    assert (table.bias_matrix(make(12, values), 0) == log.bias_matrix(other)).all()


def test_a_design_without_a_table_is_refused():
    design = Design.from_dict({"tokens": 2, "dim": 2, "heads": 1, "steps": 1, "name": "bare"})
    with pytest.raises(ValueError, match=r"^Design must have a table, not 'bare' without one$"):
        table.entries(design, 0)
