"""The page's texts in each language."""

from __future__ import annotations

LANGUAGES = {"en": "English", "zh": "中文"}
"""The languages, by what each is called."""

TEXTS: dict[str, dict[str, str]] = {
    "title": {"en": "steepest playground", "zh": "steepest 演示台"},
    "lead": {
        "en": "Click on the map to start there. Drag a slider: the paths follow.",
        "zh": "点击地图选择起点，拖动滑块，路径随之变化。",
    },
    "function": {"en": "Function", "zh": "函数"},
    "methods": {"en": "Methods", "zh": "方法"},
    "step": {"en": "step size", "zh": "步长（学习率）"},
    "momentum_of": {"en": "momentum", "zh": "动量"},
    "limit": {"en": "Most iterations", "zh": "迭代次数上限"},
    "axes_x": {"en": "Horizontal", "zh": "横轴"},
    "axes_y": {"en": "Vertical", "zh": "纵轴"},
    "slice": {"en": "fixed at", "zh": "固定为"},
    "play": {"en": "▶ Play", "zh": "▶ 播放"},
    "pause": {"en": "❚❚ Pause", "zh": "❚❚ 暂停"},
    "now": {"en": "Iteration", "zh": "第几次迭代"},
    "reset": {"en": "Reset", "zh": "重置"},
    "loss": {"en": "loss", "zh": "损失"},
    "loss_above": {"en": "loss above its least value", "zh": "损失（减去最小值）"},
    "iteration": {"en": "iteration", "zh": "迭代"},
    "graph": {"en": "Computation graph", "zh": "计算图"},
    "follow": {"en": "Otherwise along", "zh": "否则跟随"},
    "at_cursor": {"en": "at the cursor", "zh": "光标处"},
    "at_start": {"en": "at the start", "zh": "起点处"},
    "at_step": {"en": "{method}, iteration {step}", "zh": "{method}，第 {step} 次迭代"},
    "map_note": {
        "en": "darker: lower loss, on a logarithmic scale. ✕: start",
        "zh": "颜色越深损失越小（对数刻度）。✕：起点",
    },
    "projected": {
        "en": "paths are projected onto this slice",
        "zh": "路径投影到此切面",
    },
    "method": {"en": "method", "zh": "方法"},
    "outcome": {"en": "end", "zh": "结果"},
    "none_chosen": {"en": "Choose a method.", "zh": "请选择一种方法。"},
    "no_graph": {
        "en": "The function cannot be recorded at this point.",
        "zh": "函数在此点无法记录。",
    },
    "converged": {"en": "converged", "zh": "已收敛"},
    "not_converged": {"en": "not converged yet", "zh": "尚未收敛"},
    "diverged": {"en": "diverged", "zh": "发散"},
    "stuck": {"en": "no lower point found", "zh": "未找到更低的点"},
    "raised": {"en": "the function raised {error}", "zh": "函数抛出 {error}"},
    "undefined": {"en": "not defined at the start", "zh": "起点处无定义"},
    "gradient_descent": {"en": "Gradient descent", "zh": "梯度下降"},
    "momentum": {"en": "Momentum", "zh": "动量法"},
    "nesterov": {"en": "Nesterov", "zh": "Nesterov 动量"},
    "adam": {"en": "Adam", "zh": "Adam 算法"},
    "rmsprop": {"en": "RMSProp", "zh": "RMSProp 算法"},
    "adagrad": {"en": "AdaGrad", "zh": "AdaGrad 算法"},
    "bfgs": {"en": "BFGS", "zh": "BFGS 拟牛顿法"},
    "newton": {"en": "Newton", "zh": "牛顿法"},
    "classic_rosenbrock": {"en": "Rosenbrock: a curved valley", "zh": "Rosenbrock：弯曲的山谷"},
    "classic_bowl": {"en": "Bowl: condition number 25", "zh": "碗：条件数 25"},
    "classic_himmelblau": {"en": "Himmelblau: four minima", "zh": "Himmelblau：四个极小值"},
    "classic_beale": {"en": "Beale: plains and walls", "zh": "Beale：平原与陡壁"},
    "classic_camel": {"en": "Camel: six humps", "zh": "骆驼函数：六个驼峰"},
    "classic_rastrigin": {"en": "Rastrigin: many dents", "zh": "Rastrigin：许多凹坑"},
    "classic_saddle": {"en": "Saddle between two minima", "zh": "两个极小值之间的鞍点"},
    "classic_two_wells": {"en": "One parameter: two wells", "zh": "一个参数：两个势阱"},
    "classic_valley": {"en": "Three parameters: Rosenbrock", "zh": "三个参数：Rosenbrock"},
}
"""Each text by language."""

BOX_WORDS = {
    "value": "值",
    "gradient": "梯度",
    "parameter": "参数",
    "data": "数据",
    "here": "此处",
    "otherwise: another path": "否则走另一条路径",
}
"""The words in the boxes of a computation graph, in Chinese."""


def text(key: str, language: str) -> str:
    """Return a text."""
    return TEXTS[key][language]
