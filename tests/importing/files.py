"""Files of tensors, sound and unsound, made without PyTorch."""

import json
import zipfile
from pathlib import Path

import numpy as np

FIXTURES = Path(__file__).parent / "fixtures"


def safetensors(path, entries, data=b"", **more):
    """Write a .safetensors file of header entries (dtype, shape, offsets) and bytes."""
    header = {
        name: {"dtype": dtype, "shape": shape, "data_offsets": offsets}
        for name, (dtype, shape, offsets) in entries.items()
    }
    text = json.dumps(header | more).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)
    return path


def torch_zip(path, pickled, storages=(), **more):
    """Write an archive as torch.save does: a pickle, and storages by their names."""
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("archive/data.pkl", pickled)
        for name, array in dict(storages).items():
            file.writestr(f"archive/data/{name}", np.asarray(array).tobytes())
        for name, content in more.items():
            file.writestr(f"archive/{name}", content)
    return path


class Pickle:
    """A pickle of protocol 2, written opcode by opcode, as no honest program would."""

    def __init__(self):
        self.data = b"\x80\x02"

    def name(self, module, name):
        self.data += f"c{module}\n{name}\n".encode()
        return self

    def text(self, text):
        encoded = text.encode()
        self.data += b"X" + len(encoded).to_bytes(4, "little") + encoded
        return self

    def integer(self, value):
        encoded = value.to_bytes(8, "little", signed=True)
        self.data += b"\x8a\x08" + encoded
        return self

    def integers(self, values):
        self.data += b"("
        for value in values:
            self.integer(value)
        self.data += b"t"
        return self

    def raw(self, data):
        self.data += data
        return self

    def storage(self, kind, key, count):
        """Push a persistent storage."""
        self.raw(b"(").text("storage").name("torch", kind).text(key).text("cpu").integer(count)
        return self.raw(b"tQ")

    def tensor(self, kind="FloatStorage", key="0", count=4, offset=0, shape=(4,), strides=(1,)):
        """Push a tensor."""
        self.name("torch._utils", "_rebuild_tensor_v2").raw(b"(").storage(kind, key, count)
        self.integer(offset).integers(shape).integers(strides).raw(b"\x89")
        return self.name("collections", "OrderedDict").raw(b")RtR")

    def state(self, **tensors):
        """Make it a dictionary of tensors, each said by keywords of :meth:`tensor`."""
        self.raw(b"}(")
        for name, keys in tensors.items():
            self.text(name).tensor(**keys)
        return self.raw(b"u.").data
