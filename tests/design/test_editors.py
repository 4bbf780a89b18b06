"""What an editor shows of a design file: a language server is asked, over its standard streams."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from spikeloom.design import schema
from spikeloom.design.position import POSITIONS
from spikeloom.design.similarity import SIMILARITIES
from spikeloom.kinds import KINDS, part

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = ROOT / "spikeloom" / "design.schema.json"
EXAMPLES = sorted((ROOT / "examples").rglob("*.toml"))
TOMBI = Path(sys.executable).with_name("tombi")
SIZES = "tokens = 4\ndim = 16\nheads = 2\nsteps = 2\n"

pytestmark = pytest.mark.skipif(not TOMBI.is_file(), reason="needs the extra 'test' (tombi)")


class Editor:
    """The part of an editor that talks to a server: it opens files, and asks at a cursor."""

    def __init__(self, folder):
        self.folder = folder
        self.process = subprocess.Popen(
            [TOMBI, "lsp", "--offline"],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self.asked = 0
        self.found = {}
        capabilities = {"textDocument": {"hover": {"contentFormat": ["markdown"]}}}
        self.ask("initialize", processId=None, rootUri=folder.as_uri(), capabilities=capabilities)
        self.send(method="initialized", params={})

    def send(self, **message):
        data = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(data), data))
        self.process.stdin.flush()

    def receive(self):
        size = 0
        while line := self.process.stdout.readline().strip():
            name, _, value = line.partition(b": ")
            size = int(value) if name == b"Content-Length" else size
        assert size, "the server has ended"
        message = json.loads(self.process.stdout.read(size))
        if message.get("method") == "textDocument/publishDiagnostics":
            told = message["params"]
            self.found[told["uri"]] = [fault["message"] for fault in told["diagnostics"]]
        elif "method" in message and "id" in message:
            self.send(id=message["id"], result=None)
        return message

    def ask(self, method, **params):
        self.asked += 1
        self.send(id=self.asked, method=method, params=params)
        while True:
            message = self.receive()
            if message.get("id") == self.asked and "method" not in message:
                return message["result"]

    def open(self, path, text):
        """Open a file; return what the server has against it."""
        uri = path.as_uri()
        self.found.pop(uri, None)
        document = {"uri": uri, "languageId": "toml", "version": 1, "text": text}
        self.send(method="textDocument/didOpen", params={"textDocument": document})
        while uri not in self.found:
            self.receive()
        return self.found[uri]

    def at(self, text, method):
        """Open a text with a cursor, |, in it, and ask there."""
        before, _, after = text.partition("|")
        head = f"#:schema {SCHEMA}\n"
        path = self.folder / f"{self.asked}.toml"
        self.open(path, head + before + after)
        line = (head + before).count("\n")
        place = {"line": line, "character": len(before.rpartition("\n")[2])}
        return self.ask(method, textDocument={"uri": path.as_uri()}, position=place)

    def offered(self, text):
        found = self.at(text, "textDocument/completion")
        items = found["items"] if isinstance(found, dict) else found or []
        # A key with one value only is offered with it, and $key stands for any other.
        return {item["label"].partition(" =")[0] for item in items} - {"$key"}

    def told(self, text):
        return self.at(text, "textDocument/hover")["contents"]["value"]


@pytest.fixture(scope="module")
def editor(tmp_path_factory):
    made = Editor(tmp_path_factory.mktemp("editor"))
    yield made
    made.process.kill()
    made.process.communicate()


@pytest.mark.parametrize("kind", [None, *KINDS])
def test_keys_of_a_kind_are_offered(editor, kind):
    said = f'kind = "{kind}"\n' if kind else ""
    keys = set(part(kind or KINDS[0], "design").model_fields)
    assert editor.offered(f"{said}|\n") == keys - ({"kind"} if kind else set())
    # From the first letter on, which is no key yet.
    assert editor.offered(f"{said}s|\n") >= {"steps"}
    assert editor.offered(f"{said}s|\n") <= {key for key in keys if "s" in key}


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("[folding]\n|\n", {"order", "rows", "lanes", "heads", "spikes", "buffers"}),
        ('kind = "network"\n[folding]\n|\n', {"lanes", "tokens", "planes", "weights"}),
        ('kind = "rate-attention"\n[folding]\n|\n', {"lanes", "buffers"}),
        (f"{SIZES}[folding]\no|\n", {"order"}),
        ('kind = "mask"\n[target]\nbe|\n', {"beat"}),
        ('kind = "mask"\n[|]\n', {"target", "budget"}),
        ("[|]\n", {*POSITIONS, "norm", "folding", "target", "budget"}),
        (
            'kind = "network"\n[[blocks]]\n|\n',
            {"residual", "weight_bits", "hidden", "grid", "mlp_position", "attention"},
        ),
        ('kind = "network"\n[[blocks]]\n[blocks.attention]\nsim|\n', {"similarity"}),
        (
            'kind = "network"\n[[blocks]]\n[blocks.attention]\nkind = "mask"\nheads = 2\na|\n',
            {"attention"},
        ),
        ('kind = "network"\n[[blocks]]\n[blocks.attention.folding]\nro|\n', {"rows"}),
    ],
)
def test_keys_of_a_section_are_offered(editor, text, keys):
    # What goes on with a key, where several layers have it, is offered beside it.
    assert editor.offered(text) - {".", "="} == keys


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("kind = |\n", KINDS),
        ("similarity = |\n", SIMILARITIES),
        ('similarity = "x|"\n', ["xnor"]),
        ('[folding]\norder = "|"\n', ["score", "state", "auto"]),
        ('kind = "residual"\nmode = "|"\n', ["add", "xor", "or", "iand"]),
        ('kind = "mask"\n[target]\ncells = |\n', ["portable", "ice40"]),
    ],
)
def test_values_are_offered(editor, text, values):
    assert editor.offered(text) == {f'"{value}"' for value in values}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("tok|ens = 4\n", ["N, the length of the sequence.", "Maximum: `4096`"]),
        ('kind = "state-space"\nst|eps = 4\n', ["T, the tokens of a sequence, one a step."]),
        ('kind = "mask"\nst|eps = 4\n', ["T, the time steps of an inference."]),
        ('[folding]\nord|er = "score"\n', ["similarity first, then times v", "Default"]),
        ('kind = "network"\n[fold|ing]\nlanes = 16\n', ["from which memory"]),
        ('kind = "network"\n[[blocks]]\nhid|den = 16\n', ["between the two layers of the MLP"]),
    ],
)
def test_keys_are_explained(editor, text, words):
    told = editor.told(text)
    assert all(word in told for word in words)
    # Of its own kind, and of no other.
    assert told.count("Schema:") == 1


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_examples_name_the_schema_and_are_taken(editor, path):
    up = "../" * len(path.relative_to(ROOT).parts[:-1])
    assert path.read_text().startswith(f"#:schema {up}spikeloom/design.schema.json\n")
    assert editor.open(path, path.read_text()) == []


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (f"{SIZES}tokenz = 4\n", '"tokenz" is not allowed'),
        (f"{SIZES}[folding]\nrowz = 4\n", '"rowz" is not allowed'),
        (f"{SIZES}[[blocks]]\n", '"blocks" is not allowed'),
        ("tokens = 4\ndim = 16\nsteps = 2\n", '"heads" is required'),
        (f'kind = "mask"\n{SIZES}', '"attention" is required'),
        (f'{SIZES}similarity = "xor"\n', 'must be one of ["and", "xnor", "alpha-xnor", "hamming"]'),
    ],
)
def test_faults_are_marked(editor, text, fault):
    found = editor.open(editor.folder / "fault.toml", f"#:schema {SCHEMA}\n{text}")
    assert any(fault in message for message in found), found


def test_schema_of_one_kind(editor):
    path = editor.folder / "mask.schema.json"
    path.write_text(json.dumps(schema("mask")))
    text = f'#:schema {path}\nkind = "mask"\n{SIZES}attention = "sdsa"\n'
    assert editor.open(editor.folder / "one.toml", text) == []
    wrong = text.replace("mask", "residual").replace("residual.schema", "mask.schema")
    assert editor.open(editor.folder / "one.toml", wrong)
