"""Records as a demo makes them: plausible numbers, nothing run."""

from edgewright.records import Record

VERSIONS = {"edgewright": "0.1.0", "numpy": "2.3.4", "python": "3.11.7", "system": "Linux x86_64", "unicorn": "2.1.4"}

# flash, RAM, clock, engine, compiler, flags, how much code and how many instructions it takes beside Cortex-M0
BOARDS = {
    "microbit": (262144, 16384, 16e6, "unicorn", "ziglang 0.16.0", ("-mcpu=cortex_m0", "-Os"), 1.0, 1.0),
    "bluepill": (65536, 20480, 72e6, "unicorn", "ziglang 0.16.0", ("-mcpu=cortex_m3", "-Os"), 0.93, 0.81),
    "stm32f405": (1048576, 131072, 168e6, "unicorn", "ziglang 0.16.0", ("-mcpu=cortex_m4", "-Os"), 0.95, 0.74),
    "arduino-uno": (32256, 2048, 16e6, "simavr", "avr-gcc 7.3.0", ("-mmcu=atmega328p", "-Os"), 1.9, 3.1),
}
NO_SIMAVR = "simavr is not installed; the board's C was not run. Install it: apt-get install simavr gcc-avr avr-libc."
TOO_LARGE = (
    "The model does not fit arduino-uno: over by 236032 bytes of flash (its constants are 268288). "
    "It would fit stm32f405. Or train a smaller model: give size_kb."
)


class Model:
    """What a sample model is made of: constants in bytes, memory in entries, functions in instructions on Cortex-M0."""

    def __init__(self, constants, memory, lower_bound, code, functions, accuracy, helpers=()):
        self.constants, self.memory, self.lower_bound, self.code = constants, memory, lower_bound, code
        self.functions, self.accuracy, self.helpers = functions, accuracy, dict(helpers)

    @property
    def arena(self):
        widths = {"int8": 1, "int16": 2, "int32": 4}
        ends = {}
        for dtype, offset, size, _, _ in self.memory.values():
            ends[dtype] = max(ends.get(dtype, 0), offset + size)
        return sum(end * widths[dtype] for dtype, end in ends.items())


MODELS = {
    "bonsai": Model(
        {"W": 1530, "V": 1530, "Z": 640, "theta": 90, "input_scale": 128},
        {
            "normalised": ("int8", 0, 64, 0, 1),
            "z": ("int8", 64, 10, 1, 5),
            "path": ("int16", 0, 3, 2, 5),
            "w_z": ("int16", 4, 40, 3, 5),
            "v_z": ("int16", 44, 40, 4, 5),
        },
        206,
        1288,
        {
            "bonsai_run": 412.0,
            "dense_i8_i8_shift": 6110.0,
            "gather_dense_i8_i16": 3964.5,
            "tree_path_i8": 120.0,
            "tanh_i16": 380.0,
        },
        (0.9481, 0.9463),
        {"__aeabi_lmul": 60},
    ),
    "protonn": Model(
        {"W": 640, "B": 400, "Z": 400, "exp_table": 514, "input_scale": 128},
        {
            "normalised": ("int8", 0, 64, 0, 1),
            "z": ("int8", 64, 10, 1, 2),
            "d": ("int32", 0, 40, 2, 3),
            "k": ("int16", 0, 40, 3, 4),
        },
        304,
        1024,
        {
            "protonn_run": 230.0,
            "dense_i8_i8_shift": 7402.0,
            "squared_distance_i8_i32": 8811.0,
            "exp_lookup_i16": 1402.0,
        },
        (0.9667, 0.9648),
    ),
    "fastgrnn": Model(
        {"W": 128, "U": 256, "bias_z": 32, "bias_h": 32, "classifier": 170, "tanh_table": 514, "sigmoid_table": 514},
        {
            "h": ("int16", 0, 16, -1, 9),
            "x": ("int8", 0, 8, 0, 2),
            "Wx": ("int16", 16, 16, 1, 4),
            "Uh": ("int16", 32, 16, 2, 4),
            "pre": ("int16", 48, 16, 4, 7),
            "gate": ("int16", 16, 16, 5, 8),
            "candidate": ("int16", 32, 16, 6, 8),
            "h_next": ("int16", 64, 16, 8, 9),
        },
        136,
        1702,
        {
            "fastgrnn_run": 4110.0,
            "dense_i16_i8_shift": 61020.25,
            "tanh_i16": 9021.0,
            "sigmoid_i16": 8844.0,
            "multiply_i16": 5310.0,
            "add_i16": 4100.0,
        },
        (0.9556, 0.9537),
    ),
    "forest": Model(
        {"features": 2218, "thresholds": 2218, "children": 4436, "leaves": 11360},
        {"sums": ("int16", 0, 10, 0, 1)},
        20,
        388,
        {"forest_run": 118.0, "tree_ensemble_i8_i16": 2480.0},
        (0.9537, 0.9537),
    ),
    "ad_autoencoder": Model(
        {f"dense_{k}_weights": 82000 if k in (0, 9) else 16384 if k not in (4, 5) else 1024 for k in range(10)}
        | {f"dense_{k}_bias": 512 for k in range(10)},
        {f"hidden_{k}": ("int8", 0 if k % 2 == 0 else 128, 128 if k not in (4,) else 8, k, k + 1) for k in range(9)},
        256,
        812,
        {"ad_autoencoder_run": 640.0, "dense_i8_i8": 1612044.0},
        None,
    ),
}


def bytes_of_layers(made):
    """Half of the constants to the first layer, a quarter to the second; the rest belongs to none."""
    total = sum(made.constants.values())
    return [total // 2, total // 4, *[0] * len(made.memory)]


def record(model, board, /, **changes):
    """One record; changes are made to its fields."""
    made, (flash, ram, clock, engine, compiler, flags, code, speed) = MODELS[model], BOARDS[board]
    constants = sum(made.constants.values())
    run = board != "arduino-uno" or model in ("bonsai", "protonn", "forest")
    fits = constants < flash and made.arena < ram
    numbers = {
        "constant_bytes": constants,
        "arena_bytes": made.arena,
        "arena_lower_bound_bytes": made.lower_bound,
        "widest_accumulator_bits": 23,
        "board_flash_bytes": flash,
        "board_ram_bytes": ram,
    }
    tables = {
        "constant_bytes": made.constants,
        "memory": {
            value: dict(zip(("dtype", "offset", "size", "first", "last"), row, strict=True))
            for value, row in made.memory.items()
        },
        "layers": {
            value: {"operator": "dense", "shape": [row[2]], "constant_bytes": bytes_of_layers(made)[k]}
            for k, (value, row) in enumerate(made.memory.items())
        },
        "arena": {"certificate": "optimal: proven by milp" if model == "protonn" else ""},
    }
    if not fits:
        numbers |= {"flash_bytes": None, "ram_bytes": None, "stack_bytes": None, "verified": None}
        tables["reasons"] = {"fit": TOO_LARGE.replace("arduino-uno", board)}
    else:
        numbers |= {"rows": 540, "vectors": 564, "mismatches": 0, "verified": 1 if run else None}
        tables["mismatches_by_engine"] = {"host": 0, engine: 0} if run else {"host": 0}
        if made.accuracy:
            numbers["accuracy_float"], numbers["accuracy_integer"] = made.accuracy
            tables["values"] = {
                value: {
                    "value": value,
                    "dtype": row[0],
                    "scale": "2^-5",
                    "snr_db": 31.25 + k,
                    "saturated_share": 0.0012 * k,
                    "largest_error": 0.0313,
                }
                for k, (value, row) in enumerate(made.memory.items())
            }
        if run:
            instructions = {name: count * speed for name, count in made.functions.items()}
            total = sum(instructions.values())
            numbers |= {
                "flash_bytes": constants + int(made.code * code) + sum(made.helpers.values()),
                "ram_bytes": made.arena,
                "stack_bytes": 88 if engine == "unicorn" else 61,
                "instructions_per_inference": total,
                "instructions_largest": int(total * 1.04),
            }
            tables["helper_bytes"] = made.helpers
            tables["instructions_by_function"] = instructions
            if engine == "unicorn":
                tables["instructions_by_layer"] = {value: total / len(made.memory) for value in made.memory}
            if made.accuracy:
                numbers["accuracy_board"] = made.accuracy[1]
            if board == "stm32f405":
                numbers["milliseconds_estimated"] = total * 1.25 / clock * 1e3
            if engine == "simavr":
                numbers |= {"cycles_per_inference": total * 1.62, "milliseconds": total * 1.62 / clock * 1e3}
        else:
            numbers |= {"flash_bytes": None, "ram_bytes": None, "stack_bytes": None}
            tables["reasons"] = {engine: NO_SIMAVR}
    fields = {
        "data": "digits",
        "split": "test",
        "board": board,
        "engine": engine,
        "compiler": compiler,
        "flags": flags,
        "graph_hash": f"{abs(sum(map(ord, model))) * 2654435761 % 2**32:08x}",
        "commit": "264a262d91c0",
        "dirty": True,
        "seed": 0,
        "threads": 1,
        "settings": {"size_kb": 4} if made.accuracy else {},
        "numbers": numbers,
        "tables": tables,
        "versions": VERSIONS,
        "when": "2026-01-05T09:30:00+00:00",
    }
    return Record(**{"what": "deploy", "model": model, **fields, **changes})


def records():
    """Every model on every board."""
    return [record(model, board) for model in MODELS for board in BOARDS]
