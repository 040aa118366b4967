"""LLVM IR as our writer writes it, parsed and run by LLVM."""

import ctypes

import llvmlite.binding as llvm
import numpy as np
import pytest

from steepest.engines.native import ir
from steepest.engines.native.jit.compile import target_machine, text_of

DOUBLE, FLOAT, INT, BIT, POINTER = (
    ir.DoubleType(),
    ir.FloatType(),
    ir.IntType(64),
    ir.IntType(1),
    ir.PointerType(),
)


def function(result, *parameters):
    """Return a function that is being written, and its writer."""
    made = ir.Function(ir.Module(), ir.FunctionType(result, parameters), "f")
    return made, ir.IRBuilder(made.append_basic_block("entry"))


def run(made, result, *arguments):
    """Return what a function of pointers and integers gives, as a C type."""
    module = llvm.parse_assembly(text_of(made.module))
    module.verify()
    engine = llvm.create_mcjit_compiler(module, target_machine(0))
    engine.finalize_object()
    kinds = [type(argument) for argument in arguments]
    address = engine.get_function_address("f")
    return ctypes.CFUNCTYPE(result, *kinds)(address)(*arguments)


def stored(kind, constant, dtype, count=1):
    """Return the numbers that are in memory once a constant was stored there."""
    made, b = function(ir.VoidType(), POINTER)
    b.store(ir.Constant(kind, constant), made.args[0], align=1)
    b.ret_void()
    memory = np.ones(count, dtype)
    run(made, None, ctypes.c_void_p(memory.ctypes.data))
    return memory


@pytest.mark.parametrize("number", [0.0, -0.0, 1 / 3, -1e-310, 1e308, np.inf, -np.inf, np.nan])
def test_real_numbers_keep_their_bits(number):
    assert stored(DOUBLE, number, "f8").tobytes() == np.float64(number).tobytes()
    with np.errstate(over="ignore"):
        single = np.float32(number)
    assert stored(FLOAT, float(single), "f4").tobytes() == single.tobytes()


@pytest.mark.parametrize("number", [0, 1, -1, 2**63 - 1, -(2**63)])
def test_whole_numbers_keep_their_bits(number):
    assert stored(INT, number, "i8")[0] == number
    assert stored(DOUBLE, number, "f8")[0] == number


def test_constants_of_many_numbers():
    vector = ir.VectorType(DOUBLE, 4)
    np.testing.assert_array_equal(stored(vector, [1.0, -0.0, 3.0, 0.5], "f8", 4), [1, 0, 3, 0.5])
    np.testing.assert_array_equal(stored(vector, None, "f8", 4), np.zeros(4))
    parts = [ir.Constant(DOUBLE, float(k)) for k in range(4)]
    np.testing.assert_array_equal(stored(vector, parts, "f8", 4), range(4))


def test_data_of_any_bytes():
    content = bytes(range(256))
    made, b = function(ir.VoidType(), POINTER, INT)
    kind = ir.ArrayType(ir.IntType(8), len(content))
    data = ir.GlobalVariable(made.module, "data", ir.Constant(kind, content), align=64)
    byte = b.load(b.gep(data, [made.args[1]], source_etype=ir.IntType(8)), typ=ir.IntType(8))
    b.store(byte, made.args[0])
    b.ret_void()
    memory = np.zeros(1, np.uint8)
    for place in (0, 34, 92, 255):  # among them a quote and a backslash
        run(made, None, ctypes.c_void_p(memory.ctypes.data), ctypes.c_int64(place))
        assert memory[0] == content[place]


COMPARISONS = {"<": np.less, "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal,
               "==": np.equal, "!=": np.not_equal}  # fmt: skip


@pytest.mark.parametrize("symbol", COMPARISONS)
@pytest.mark.parametrize(("a", "b"), [(1, 2), (2, 1), (3, 3), (-1, 1)])
def test_comparisons(symbol, a, b):
    for compare, dtype in (("icmp_signed", np.int64), ("icmp_unsigned", np.uint64)):
        made, writer = function(INT, INT, INT)
        writer.ret(writer.zext(getattr(writer, compare)(symbol, *made.args), INT))
        values = np.array([a, b]).astype(dtype)
        found = run(made, ctypes.c_int64, ctypes.c_int64(a), ctypes.c_int64(b))
        assert found == COMPARISONS[symbol](*values)


@pytest.mark.parametrize("symbol", COMPARISONS)
def test_comparisons_with_nan(symbol):
    for compare, expected in (("fcmp_ordered", 0), ("fcmp_unordered", 1)):
        made, b = function(INT)
        nan, one = (ir.Constant(DOUBLE, x) for x in (np.nan, 1.0))
        b.ret(b.zext(getattr(b, compare)(symbol, nan, one), INT))
        assert run(made, ctypes.c_int64) == expected


def test_instructions_added_later_come_before_a_blocks_terminator():
    made, b = function(INT, INT)
    entry, after = b.block, made.append_basic_block("after")
    b.branch(after)
    b.position_at_end(after)
    with b.goto_block(entry):
        room = b.alloca(INT)
        b.store(ir.Constant(INT, 7), room)
    b.ret(b.add(b.load(room, typ=INT), made.args[0]))
    assert run(made, ctypes.c_int64, ctypes.c_int64(5)) == 12


def test_stack_space_may_grow_until_the_end():
    made, b = function(INT)
    room = b.alloca(ir.ArrayType(INT, 0), align=64)
    last = b.gep(room, [ir.Constant(INT, 99)], source_etype=INT)
    b.store(ir.Constant(INT, 5), last)
    room.kind = ir.ArrayType(INT, 100)
    b.ret(b.load(last, typ=INT))
    assert "alloca [100 x i64], align 64" in str(made.module)
    assert run(made, ctypes.c_int64) == 5


@pytest.mark.parametrize(("number", "expected"), [(3, 30), (-3, 100)])
def test_branches_and_loops(number, expected):
    made, b = function(INT, INT)
    cell = b.alloca(INT)
    is_positive = b.icmp_signed(">", made.args[0], ir.Constant(INT, 0))
    with b.if_else(is_positive) as (there, other):
        with there:
            before, body = b.block, made.append_basic_block("loop")
            after = made.append_basic_block("after")
            b.branch(body)
            b.position_at_end(body)
            i, total = b.phi(INT), b.phi(INT)
            following, sum_ = b.add(i, ir.Constant(INT, 1)), b.add(total, ir.Constant(INT, 10))
            for phi, value in ((i, following), (total, sum_)):
                phi.add_incoming(ir.Constant(INT, 0), before)
                phi.add_incoming(value, body)
            b.cbranch(b.icmp_signed("<", following, made.args[0]), body, after)
            b.position_at_end(after)
            b.store(sum_, cell)
        with other:
            b.store(ir.Constant(INT, 0), cell)
            with b.if_then(b.not_(is_positive), likely=True):
                b.store(ir.Constant(INT, 100), cell)
    b.ret(b.load(cell, typ=INT))
    assert run(made, ctypes.c_int64, ctypes.c_int64(number)) == expected


def test_vectors():
    made, b = function(ir.VoidType(), POINTER)
    kind = ir.VectorType(DOUBLE, 4)
    vector = b.load(made.args[0], typ=kind, align=8)
    empty = ir.Constant(kind, ir.Undefined)
    one = b.insert_element(empty, ir.Constant(DOUBLE, 2.0), ir.Constant(ir.IntType(32), 0))
    twos = b.shuffle_vector(one, empty, ir.Constant(ir.VectorType(ir.IntType(32), 4), None))
    large = b.fcmp_ordered(">", vector, twos)
    result = b.select(large, b.fmul(vector, twos), b.fneg(vector))
    last = b.extract_element(result, ir.Constant(ir.IntType(32), 3))
    b.store(b.insert_element(result, last, ir.Constant(ir.IntType(32), 0)), made.args[0], align=8)
    b.ret_void()
    memory = np.array([1.0, 2.0, 3.0, 4.0])
    run(made, None, ctypes.c_void_p(memory.ctypes.data))
    np.testing.assert_array_equal(memory, [8.0, -2.0, 6.0, 8.0])


def test_metadata_of_the_same_parts_is_the_same():
    module = ir.Module()
    zero = ir.Constant(INT, 0)
    first, again = (module.add_metadata(["memory", zero]) for _ in range(2))
    assert first is again
    assert first.ref != module.add_metadata(["other", zero]).ref
