"""Random statements, written line by line."""

from .expressions import LENGTH, constant, local, named, num, pick, truth, vec


def block(w, count):
    """Write an indented block; names made inside are out of scope afterwards."""
    names = {kind: list(known) for kind, known in w.names.items()}
    w.depth += 1
    for _ in range(count):
        statement(w)
    w.depth -= 1
    w.names = names


def statement(w):
    simple = (
        assign_num,
        assign_num,
        assign_vec,
        assign_vec,
        augment_num,
        augment_vec,
        alias,
        view,
        element,
        element,
        slice_,
        mask,
        list_,
        dict_,
        object_,
        integer,
        method,
        swap,
        numbers,
        pair,
        function,
        in_place,
        walrus,
        unpack,
    )
    nested = (
        if_,
        if_,
        for_,
        for_,
        while_,
        try_,
        function,
        with_,
        match,
        nonlocal_,
    )
    if w.depth < 4 and w.rng.random() < 0.35:
        w.rng.choice(nested)(w)
    else:
        w.rng.choice(simple)(w)


def assign_num(w):
    text = num(w)
    if w.names["num"] and w.rng.random() < 0.5:
        w.put(f"{local(w, 'num')} = {text}")
        return
    name = w.new("num")
    w.put(f"{name} = {text}")
    w.keep("num", name)


def assign_vec(w):
    text, name = vec(w, 2), w.new("vec")
    w.put(f"{name} = {text}")
    w.keep("vec", name)


def augment_num(w):
    if w.names["num"]:
        operator = w.rng.choice(("+=", "-=", "*=", "+="))
        w.put(f"{local(w, 'num')} {operator} {num(w, 1)}")


def augment_vec(w):
    operator = w.rng.choice(("+=", "-=", "*=", "/= 2.0 +", "+="))
    value = pick(w, lambda: num(w, 1), lambda: vec(w, 1))
    if w.names["vec"]:
        w.put(f"{local(w, 'vec')} {operator} {value}")


def alias(w):
    for kind in ("vec", "list", "dict"):
        if w.names[kind] and w.rng.random() < 0.6:
            name = w.new(kind)
            w.put(f"{name} = {local(w, kind)}")
            w.keep(kind, name)
            return


def view(w):
    if w.names["vec"]:
        base, name = local(w, "vec"), w.new("w")
        text = w.rng.choice(
            (
                "{}[1:]",
                "{}[:2]",
                "{}[::2]",
                "{}[::-1]",
                "{}.reshape(2, 2)",
                "{}[None, :]",
                "{}.reshape(2, 2).T",
                "np.ravel({})",
                "np.asarray({})",
                "{}[1:3]",
                "np.atleast_2d({})",
                "{}.view()",
                "np.array({}, copy=False)",
                "{}.squeeze()",
            )
        ).format(base)
        w.put(f"{name} = {text}")
        w.put(
            w.rng.choice(
                (
                    f"{name}[0] = {num(w, 1)}",
                    f"{name} *= 0.5",
                    f"{name}[...] = {num(w, 1)}",
                    f"{name} += {num(w, 1)}",
                    f"{base}[0] = 0.5\n{name} *= 2.0",
                )
            )
        )


def element(w):
    if w.names["vec"]:
        place = pick(
            w,
            lambda: str(w.rng.randrange(-LENGTH, LENGTH)),
            lambda: f"{named(w, 'int')} % {LENGTH}",
            lambda: f"np.argmin({named(w, 'vec')})",
            lambda: f"int(abs({num(w, 0)}) * 3) % {LENGTH}",
        )
        operator = w.rng.choice(("=", "=", "+=", "*="))
        w.put(f"{local(w, 'vec')}[{place}] {operator} {num(w)}")


def slice_(w):
    if w.names["vec"]:
        place = w.rng.choice(("1:", ":2", "::2", "1:3", ":", "..."))
        operator = w.rng.choice(("=", "+=", "*="))
        w.put(f"{local(w, 'vec')}[{place}] {operator} {num(w, 1)}")


def mask(w):
    if w.names["vec"]:
        v, u = local(w, "vec"), local(w, "vec")
        w.put(
            pick(
                w,
                lambda: f"{v}[{u} > {constant(w)}] = {num(w, 1)}",
                lambda: f"{v}[{v} < {constant(w)}] *= {num(w, 1)}",
                lambda: f"{v}[[0, 2]] = {num(w, 1)}",
                lambda: f"{v}[[0, 0]] += {num(w, 1)}",
                lambda: f"{v}[np.argsort({u}, kind='stable')] = {vec(w, 1)}",
                lambda: f"np.add.at({v}, [0, 1, 0], {num(w, 1)})",
                lambda: f"np.put({v}, [1], {num(w, 0)})",
                lambda: f"np.copyto({v}, {vec(w, 1)})",
            )
        )


def in_place(w):
    if w.names["vec"]:
        v = local(w, "vec")
        w.put(
            pick(
                w,
                f"{v}.sort()",
                f"{v}.fill(0.4)",
                f"np.sin({v}, out={v})",
                f"np.add({v}, 1.0, {v})",
                f"change({v}, 1)",
                f"{v}[:] = {v}[::-1]",
                f"{v}[1:] = {v}[:-1]",
                f"{v} **= 2.0",
                f"{v} **= 3",
                f"np.clip({v}, -1.0, 0.8, out={v})",
                lambda: f"np.multiply({v}, {num(w, 0)}, out={v})",
            )
        )


def list_(w):
    if not w.names["list"] or w.rng.random() < 0.4:
        text = pick(
            w,
            lambda: f"[{num(w, 1)}, {num(w, 1)}]",
            lambda: f"[e * {num(w, 0)} for e in {vec(w, 1)}]",
            lambda: f"list({vec(w, 1)})",
            lambda: f"[{num(w, 1)}] * 2",
            lambda: f"{named(w, 'vec')}.tolist()",
        )
        name = w.new("list")
        w.put(f"{name} = {text}")
        w.keep("list", name)
        return
    v = local(w, "list")
    w.put(
        pick(
            w,
            lambda: f"{v}.append({num(w, 1)})",
            lambda: f"{v}[0] = {num(w, 1)}",
            lambda: f"{v}[-1] += {num(w, 1)}",
            lambda: f"{v}.insert(0, {num(w, 1)})",
            lambda: f"{v}.extend([{num(w, 1)}])",
            lambda: f"{v} += [{num(w, 1)}]",
            f"{v}.reverse()",
            f"{v}.sort()",
            f"{v}[:] = [e * 0.5 for e in {v}]",
            f"if len({v}) > 1:\n    {v}.pop()",
            f"{v}[1:] = []",
            f"{v}.sort(key=lambda e: -e)",
            f"del {v}[1:]",
        )
    )


def dict_(w):
    if not w.names["dict"] or w.rng.random() < 0.4:
        text = pick(
            w,
            lambda: f"{{'k': {num(w, 1)}, 'm': {num(w, 1)}}}",
            lambda: f"dict(k={num(w, 1)})",
            lambda: f"{{**SETTINGS, 'k': {num(w, 1)}, 'names': 0.0}}",
            lambda: f"{{'k': {num(w, 0)}}} | {{'m': {num(w, 0)}}}",
        )
        name = w.new("dict")
        w.put(f"{name} = {text}")
        w.keep("dict", name)
        return
    v = local(w, "dict")
    w.put(
        pick(
            w,
            lambda: f"{v}['k'] = {num(w, 1)}",
            lambda: f"{v}['k'] *= {num(w, 1)}",
            lambda: f"{v}.setdefault('n', {num(w, 1)})",
            lambda: f"{v}.update(k={num(w, 1)})",
            lambda: f"{v}['k'] = {v}.get('z', {num(w, 1)})",
            lambda: f"{v}['k'] += sum([e for n, e in {v}.items()])",
            f"{v}.pop('m', None)",
            f"{v}['k'] = sum({v}.values())",
        )
    )


def object_(w):
    if not w.names["obj"] or w.rng.random() < 0.4:
        name, text = w.new("obj"), num(w, 1)
        w.put(f"{name} = {w.rng.choice(('Base', 'Derived'))}({text})")
        w.keep("obj", name)
        return
    v = local(w, "obj")
    w.put(
        pick(
            w,
            lambda: f"{v}.step({num(w, 1)})",
            lambda: f"{v}.state = {num(w, 1)}",
            lambda: f"{v}.state += {num(w, 1)}",
            lambda: f"{v}.gain = {num(w, 0)}",
            lambda: f"{v}.extra = {num(w, 0)}\n{v}.state += {v}.extra",
            lambda: f"setattr({v}, 'state', {num(w, 1)})",
        )
    )


def pair(w):
    name = w.new("pair")
    text = f"Pair({num(w, 1)}, {num(w, 1)})"
    if w.names["pair"]:
        other = local(w, "pair")
        text = pick(w, text, f"({other} + {text})", lambda: f"({other} * {num(w, 0)})")
    w.put(f"{name} = {text}")
    w.keep("pair", name)


def integer(w):
    name = w.new("int")
    w.put(
        f"{name} = "
        + pick(
            w,
            lambda: str(w.rng.randrange(7)),
            lambda: f"int({num(w, 1)} * 2)",
            lambda: f"int(np.sum({vec(w, 1)} > 0.2))",
            lambda: f"{named(w, 'int')} * 3 % 5",
            lambda: f"({named(w, 'int')} << 2) >> 1",
            lambda: f"{named(w, 'int')} // 2 - 1",
            lambda: f"int(np.argmax({vec(w, 1)}))",
            lambda: f"len([e for e in {named(w, 'vec')} if e > 0.1])",
            lambda: f"-{named(w, 'int')} // 3",
            lambda: f"abs({named(w, 'int')} - 4) & 3",
            lambda: f"round({num(w, 1)} * 3)",
            lambda: f"math.floor({num(w, 1)} * 3)",
        )
    )
    w.keep("int", name)


def method(w):
    v = named(w, "vec")
    name = w.new("num")
    w.put(
        f"{name} = "
        + w.rng.choice(
            (
                f"{v}.sum()",
                f"{v}.prod()",
                f"{v}.max() - {v}.min()",
                f"{v}.dot({v})",
                f"{v}.std()",
                f"{v}.var(ddof=1)",
                f"np.ptp({v})",
                f"{v}.cumprod()[2]",
                f"np.median({v})",
            )
        )
    )
    w.keep("num", name)


def swap(w):
    if len(w.names["num"]) > 1:
        a, b = w.rng.sample(w.names["num"], 2)
        w.put(f"{a}, {b} = {b}, {a}")
    if w.names["vec"]:
        v = local(w, "vec")
        w.put(f"{v}[0], {v}[1] = {v}[1], {v}[0]")


def numbers(w):
    name, other = w.new("num"), w.new("num")
    w.put(
        pick(
            w,
            lambda: f"{name}, {other} = {num(w, 1)}, {num(w, 1)}",
            lambda: f"{name}, *_, {other} = {vec(w, 1)}",
            lambda: f"({name}, {other}) = Pair({num(w, 1)}, {num(w, 1)})",
            lambda: f"{name} = {other} = {num(w, 1)}",
            lambda: f"[{name}, {other}] = {vec(w, 1)}[:2]",
        )
    )
    w.keep("num", name)
    w.keep("num", other)


def unpack(w):
    if w.names["vec"]:
        name = w.new("num")
        w.put(f"{name} = spread(*{local(w, 'vec')}, **dict(a={num(w, 1)}))")
        w.keep("num", name)


def walrus(w):
    name = w.new("num")
    w.put(f"if ({name} := {num(w, 1)}) > {constant(w)}:\n    {name} = {name} * 0.5")
    w.keep("num", name)


def function(w):
    name = w.new("fn")
    outer = num(w, 0)
    form = w.rng.choice(
        (
            "def {name}(v, k={outer}):\n    return v * k",
            "def {name}(v):\n    return v * {outer} + 0.1",
            "{name} = lambda v: v + {outer}",
            "def {name}(v):\n    if v > 0.3:\n        return v * {outer}\n    return -v",
            "def {name}(v, items=[]):\n    items.append(v)\n    return sum(items)",
            "def {name}(v, d={{}}):\n    d['n'] = d.get('n', 0.0) + v\n    return d['n']",
        )
    )
    w.put(form.format(name=name, outer=outer))
    w.keep("fn", name)


def nonlocal_(w):
    name, number = w.new("fn"), w.new("num")
    w.put(
        f"{number} = {num(w, 1)}\n"
        f"def {name}(v):\n    nonlocal {number}\n    {number} = {number} * 0.5 + v\n"
        f"    return {number}"
    )
    w.keep("num", number)
    w.keep("fn", name)


def if_(w):
    w.put(f"if {truth(w)}:")
    block(w, w.rng.choice((1, 2)))
    if w.rng.random() < 0.3:
        w.put(f"elif {truth(w)}:")
        block(w, 1)
    if w.rng.random() < 0.5:
        w.put("else:")
        block(w, 1)
    w.put("" if w.lines[-1].strip()[-1] != ":" else "    pass")


def for_(w):
    if w.loops >= 2:
        return if_(w)
    w.loops += 1
    index, item = w.new("int"), w.new("num")
    form, made = pick(
        w,
        lambda: (f"for {index} in range({w.rng.randrange(1, 4)}):", {"int": index}),
        lambda: (f"for {item} in {named(w, 'vec')}:", {"num": item}),
        lambda: (
            f"for {index}, {item} in enumerate({vec(w, 1)}):",
            {"int": index, "num": item},
        ),
        lambda: (f"for {item}, {item}b in zip({vec(w, 1)}, TABLE):", {"num": item}),
        lambda: (f"for {item} in parts({vec(w, 1)}):", {"num": item}),
        lambda: (f"for {index} in reversed(range(3)):", {"int": index}),
        lambda: (f"for {item} in [{num(w, 1)}, {num(w, 1)}]:", {"num": item}),
    )
    before = {kind: list(known) for kind, known in w.names.items()}
    w.put(form)
    for kind, of in made.items():
        w.keep(kind, of)
    lot = w.rng.random()
    if lot < 0.4:
        word = w.rng.choice(("break", "continue", "break"))
        w.put(f"    if {truth(w)}:\n        {word}")
    block(w, w.rng.choice((1, 2)))
    w.put("    pass")
    if w.rng.random() < 0.25:
        w.put("else:")
        block(w, 1)
        w.put("    pass")
    w.names = before
    w.loops -= 1
    return None


def while_(w):
    if w.loops >= 2:
        return if_(w)
    w.loops += 1
    count = w.new("int")
    w.put(f"{count} = 0")
    w.put(f"while {count} < {w.rng.randrange(2, 5)} and {truth(w)}:")
    w.put(f"    {count} += 1")
    if w.rng.random() < 0.3:
        w.put(f"    if {truth(w)}:\n        break")
    block(w, w.rng.choice((1, 2)))
    if w.rng.random() < 0.3:
        w.put("else:")
        block(w, 1)
        w.put("    pass")
    w.keep("int", count)
    w.loops -= 1
    return None


def try_(w):
    error = w.rng.choice(
        ("ValueError", "Exception", "(TypeError, ValueError)", "ZeroDivisionError")
    )
    w.put("try:")
    if w.rng.random() < 0.6:
        raised = pick(
            w,
            lambda: f"if {truth(w)}:\n    raise ValueError('no')",
            lambda: f"1.0 / int({num(w, 1)})",
            lambda: f"[1.0][int({num(w, 1)} * 2)]",
            lambda: f"math.sqrt({num(w, 1)})",
            lambda: f"{{}}[{w.rng.randrange(3)}]",
            lambda: f"assert {truth(w)}",
            lambda: f"np.linalg.cholesky(np.array([[{num(w, 1)}, 0.1], [0.1, 1.0]]))",
            lambda: f"math.log({num(w, 1)})",
            lambda: f"{num(w, 1)} / float(np.floor({num(w, 1)}))",
        )
        w.depth += 1
        w.put(raised)
        w.depth -= 1
    block(w, 1)
    w.put("    pass")
    w.put(f"except {error}:" if w.rng.random() < 0.6 else f"except {error} as error:")
    block(w, 1)
    w.put("    pass")
    if w.rng.random() < 0.3:
        w.put("finally:")
        block(w, 1)
        w.put("    pass")


def with_(w):
    w.put("with np.errstate(all='ignore'):")
    block(w, w.rng.choice((1, 2)))
    w.put("    pass")


def match(w):
    w.put(f"match {named(w, 'int')}:\n    case 1 | 2:")
    w.depth += 1
    block(w, 1)
    w.put("    pass")
    w.depth -= 1
    w.put("    case _:")
    w.depth += 1
    block(w, 1)
    w.put("    pass")
    w.depth -= 1


def ending(w):
    """Write a return of what depends on every variable in scope."""
    known = w.names
    parts = [f"np.sum(np.sin({v})) * {1 + i}.0" for i, v in enumerate(known["vec"])]
    parts += [f"math.tanh({v})" for v in known["num"]]
    parts += [f"0.1 * {v}" for v in known["int"]]
    parts += [f"math.sin(sum({v}))" for v in known["list"]]
    parts += [f"{v}['k']" for v in known["dict"]]
    parts += [f"{v}.state" for v in known["obj"]]
    parts += [f"sum({v})" for v in known["pair"]]
    parts += [f"{v}(0.3)" for v in known["fn"]]
    w.put("return " + "\\\n        + ".join(parts or ["0.0"]))
