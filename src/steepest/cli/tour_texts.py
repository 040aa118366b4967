"""What the tour says, in English and in Chinese, side by side."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

from steepest.errors import InputError

TEXTS = {
    "opening": (
        "steepest: gradient descent for NumPy code. Engines here: {engines}",
        "steepest：给 NumPy 代码用的梯度下降库。这里已安装的引擎：{engines}",
    ),
    "graph": ("The computation graph", "计算图"),
    "the graph": (
        "The graph of this function, one operation a line:",
        "这个函数的计算图，每行一个运算：",
    ),
    "computed": (
        "The graph computes {value} at (0.5, 0.5).",
        "计算图在 (0.5, 0.5) 处算出 {value}。",
    ),
    "gradient": ("The gradient", "梯度"),
    "at half": (
        "The gradient at (0.5, 0.5), found in several ways:",
        "在 (0.5, 0.5) 处的梯度，用几种办法求出：",
    ),
    "entry": ("entry", "分量"),
    "hand-written": ("hand-written", "手写"),
    "torch": ("torch", "torch"),
    "finite differences": ("finite differences", "有限差分"),
    "agrees": ("All {count} entries agree.", "{count} 个分量全部一致。"),
    "start": ("Where to start", "从哪里出发"),
    "any start": (
        "Any start, any structure, any precision:",
        "任意的初始值，任意的结构，任意的精度：",
    ),
    "from to": (
        "from {start} to {end} in {updates} updates",
        "从 {start} 出发，更新 {updates} 次，到达 {end}",
    ),
    "descent": ("Down the gradient", "逆着梯度下降"),
    "rule": (
        "The update rule, in NumPy: {rule}",
        "更新规则，用 NumPy 写：{rule}",
    ),
    "update": (
        "update {count}: x {x}, loss {loss}, gradient {gradient}",
        "第 {count} 次更新：x {x}，损失 {loss}，梯度 {gradient}",
    ),
    "on every engine": (
        "The same descent on every engine, beside the lesson's figures:",
        "在每个引擎上做同样的下降，并与课程中的数字比较：",
    ),
    "engine": ("engine {engine}: {seconds}", "引擎 {engine}：{seconds}"),
    "updates": ("updates", "更新次数"),
    "last loss": ("last loss", "最后的损失"),
    "x": ("x", "x"),
    "same": (
        "{name}: lesson {lesson}, here {computed} (same)",
        "{name}：课程 {lesson}，这里 {computed}（相同）",
    ),
    "different": (
        "{name}: lesson {lesson}, here {computed} (DIFFERENT)",
        "{name}：课程 {lesson}，这里 {computed}（不同！）",
    ),
    "log": ("The last three lines of the log:", "日志的最后三行："),
    "regression": ("Linear regression", "线性回归"),
    "fruit data": (
        "The yields of apples and oranges, predicted from the weather.",
        "由天气预测苹果和橙子的产量。",
    ),
    "predictions before": ("predictions before training", "训练前的预测值"),
    "loss before": ("loss before training {loss}", "训练前的损失 {loss}"),
    "gradient of w": ("gradient of w", "w 的梯度"),
    "zeroed": (
        "w's gradient set to zero, which is not needed here: each call makes a new one",
        "把 w 的梯度清零，在这里并不必要：每次调用都会得到新的梯度",
    ),
    "predictions once more": ("predictions once more", "再算一次预测值"),
    "loss once more": ("loss once more {loss}", "再算一次损失 {loss}"),
    "gradient once more": ("gradient of w once more", "再算一次 w 的梯度"),
    "w updated": ("w after one update", "更新一次后的 w"),
    "b updated": ("b after one update", "更新一次后的 b"),
    "loss updated": ("loss after one update, smaller: {loss}", "更新一次后，损失变小：{loss}"),
    "trained": (
        "loss after {epochs} epochs on {engine}: {loss}",
        "{epochs} 轮之后的损失，引擎 {engine}：{loss}",
    ),
    "predictions": ("predictions", "预测值"),
    "targets": ("targets", "目标值"),
    "network": ("A neural network", "神经网络"),
    "digits data": (
        "A network of one hidden layer learns to read handwritten digits, in minibatches of 32.",
        "有一个隐藏层的网络学习识别手写数字，每个小批量 32 幅图像。",
    ),
    "no digits": (
        "skipped: the digits come with scikit-learn, pip install 'steepest[learn]'",
        "跳过：手写数字的数据来自 scikit-learn，请运行 pip install 'steepest[learn]'",
    ),
    "digits": (
        "engine {engine}: {updates} minibatches, loss {loss}, {share} of the held-out images "
        "right (the lesson asks for 95%)",
        "引擎 {engine}：{updates} 个小批量，损失 {loss}，留出的图像认对 {share}（课程要求 95%）",
    ),
    "times": ("Engine times", "各引擎的用时"),
    "column exercise": ("exercise", "练习"),
    "column engine": ("engine", "引擎"),
    "column trace": ("trace", "追踪"),
    "column compile": ("compile", "编译"),
    "column run": ("run", "运行"),
    "column iteration": ("per iteration", "每次迭代"),
    "row Rosenbrock": ("Rosenbrock", "Rosenbrock"),
    "row fruit": ("fruit", "水果"),
    "row digits": ("digits", "手写数字"),
    "closing": ("The tour took {seconds} s.", "导览用时 {seconds} 秒。"),
}
"""Each text in the languages of `LANGUAGES`. Braces hold what the tour computes."""

LANGUAGES = ("en", "zh")


@dataclass(frozen=True)
class Texts:
    """The texts of one language."""

    language: str

    def __call__(self, key: str, **values: object) -> str:
        """Return a text, with its values in place."""
        return TEXTS[key][LANGUAGES.index(self.language)].format(**values)


def texts_in(language: str | None, encoding: str = "utf-8") -> Texts:
    """Return the texts in a language, or in that of the environment if none is named.

    Raises
    ------
    InputError
        If there are none, or if the output's encoding has no characters for them.
    """
    if language is None:
        is_chinese = _primary(_of_environment()) == "zh" and _has_chinese(encoding)
        return Texts("zh" if is_chinese else "en")
    if _primary(language) not in LANGUAGES:
        raise InputError(f"--language must be {' or '.join(LANGUAGES)}, got {language!r}")
    if _primary(language) == "zh" and not _has_chinese(encoding):
        raise InputError(
            f"--language zh needs an output that has Chinese characters, and the encoding of "
            f"this one is {encoding}: set PYTHONUTF8=1, or use --language en"
        )
    return Texts(_primary(language))


def _has_chinese(encoding: str) -> bool:
    try:
        TEXTS["opening"][1].encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def _primary(name: str) -> str:
    """Return the language of a name like zh_CN.UTF-8 or zh-Hans."""
    return re.split(r"[_.@-]", name.lower())[0]


def _of_environment() -> str:
    """Return the locale of messages, as POSIX finds it."""
    names = (os.environ.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    return next(filter(None, names), "")
