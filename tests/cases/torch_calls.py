"""Modules and calls of torch that are brought in, each as text, with shapes of inputs."""

import torch
from torch import nn

F = nn.functional


def from_text(text):
    """Return the module that a text makes."""
    return eval(text, {**vars(nn), "torch": torch})


_IMAGE, _LINE, _BLOCK = (2, 4, 7, 6), (2, 4, 9), (2, 4, 4, 5, 4)

MODULE_CASES = [
    ("Identity()", [(2, 3)]),
    ("Linear(3, 2)", [(4, 3)]),
    ("Linear(3, 2, bias=False)", [(2, 4, 3)]),
    ("Bilinear(3, 2, 4)", [(5, 3), (5, 2)]),
    ("Embedding(5, 3)", [("int", 5, 4, 2)]),
    ("Flatten()", [(2, 3, 4)]),
    ("Flatten(0, 1)", [(2, 3, 4)]),
    ("Unflatten(1, (2, -1))", [(2, 6)]),
    ("Conv1d(4, 3, 3)", [_LINE]),
    ("Conv1d(4, 6, 2, stride=2, padding=1, dilation=2, groups=2)", [_LINE]),
    ("Conv2d(4, 3, 3)", [_IMAGE]),
    ("Conv2d(4, 3, (3, 2), padding='same', bias=False)", [_IMAGE]),
    ("Conv2d(4, 3, (2, 4), padding='same', dilation=(2, 1))", [_IMAGE]),
    ("Conv2d(4, 8, 3, stride=(2, 1), padding=(1, 2), dilation=(1, 2), groups=4)", [_IMAGE]),
    ("Conv2d(4, 2, 3, padding=1, padding_mode='reflect')", [_IMAGE]),
    ("Conv2d(4, 2, 3, padding=1, padding_mode='circular')", [_IMAGE]),
    ("Conv2d(4, 2, 3, padding='valid')", [(4, 7, 6)]),
    ("Conv3d(4, 2, 2)", [_BLOCK]),
    ("ConvTranspose1d(4, 3, 3, stride=2, padding=1, output_padding=1)", [_LINE]),
    ("ConvTranspose2d(4, 6, (3, 2), stride=(2, 1), groups=2, dilation=(1, 2))", [_IMAGE]),
    ("ConvTranspose3d(4, 1, 2, bias=False)", [_BLOCK]),
    ("MaxPool1d(2)", [_LINE]),
    ("MaxPool2d(2)", [_IMAGE]),
    ("MaxPool2d(3, stride=2, padding=1, ceil_mode=True)", [_IMAGE]),
    ("MaxPool2d((2, 3), stride=1, dilation=2)", [_IMAGE]),
    ("MaxPool2d(6)", [_IMAGE]),
    ("MaxPool3d(2)", [_BLOCK]),
    ("AvgPool1d(2)", [_LINE]),
    ("AvgPool2d(3, stride=2, padding=1)", [_IMAGE]),
    ("AvgPool2d(3, stride=2, padding=1, ceil_mode=True)", [_IMAGE]),
    ("AvgPool2d(3, stride=2, padding=1, ceil_mode=True, count_include_pad=False)", [_IMAGE]),
    ("AvgPool2d(2, divisor_override=3)", [_IMAGE]),
    ("AvgPool3d(2, divisor_override=5)", [_BLOCK]),
    ("AdaptiveAvgPool1d(4)", [_LINE]),
    ("AdaptiveAvgPool2d((None, 4))", [_IMAGE]),
    ("AdaptiveAvgPool2d(1)", [_IMAGE]),
    ("AdaptiveAvgPool3d(2)", [_BLOCK]),
    ("AdaptiveMaxPool1d(4)", [_LINE]),
    ("AdaptiveMaxPool2d((3, 2))", [_IMAGE]),
    ("AdaptiveMaxPool3d(2)", [_BLOCK]),
    ("ZeroPad1d(2)", [_LINE]),
    ("ZeroPad2d((1, 2, 0, 3))", [_IMAGE]),
    ("ZeroPad3d(1)", [_BLOCK]),
    ("ConstantPad1d(1, 2.5)", [_LINE]),
    ("ConstantPad2d((1, -1, 2, 0), -1.0)", [_IMAGE]),
    ("ConstantPad3d(1, 2.5)", [_BLOCK]),
    ("ReflectionPad1d(2)", [_LINE]),
    ("ReflectionPad2d((1, 2, 0, 3))", [_IMAGE]),
    ("ReflectionPad3d(1)", [_BLOCK]),
    ("ReplicationPad1d(2)", [_LINE]),
    ("ReplicationPad2d((1, 2, 0, 3))", [_IMAGE]),
    ("ReplicationPad3d(1)", [_BLOCK]),
    ("Upsample(scale_factor=2)", [_IMAGE]),
    ("PixelShuffle(2)", [_IMAGE]),
    ("LayerNorm(6)", [_IMAGE]),
    ("LayerNorm((7, 6), bias=False)", [_IMAGE]),
    ("LayerNorm(6, elementwise_affine=False)", [_IMAGE]),
    ("RMSNorm(6)", [_IMAGE]),
    ("GroupNorm(2, 4)", [_IMAGE]),
    ("BatchNorm1d(4)", [(5, 4)]),
    ("BatchNorm1d(4, affine=False)", [_LINE]),
    ("BatchNorm2d(4)", [_IMAGE]),
    ("BatchNorm3d(4)", [_BLOCK]),
    ("InstanceNorm1d(4)", [_LINE]),
    ("InstanceNorm2d(4, affine=True)", [_IMAGE]),
    ("InstanceNorm1d(4)", [(4, 9)]),
    ("InstanceNorm2d(4, affine=True)", [(4, 7, 6)]),
    ("InstanceNorm3d(4)", [_BLOCK]),
    ("Dropout()", [_IMAGE]),
    ("Dropout1d()", [_LINE]),
    ("Dropout2d()", [_IMAGE]),
    ("Dropout3d()", [_BLOCK]),
    ("AlphaDropout()", [_IMAGE]),
    *((f"{name}()", [(3, 8)]) for name in (
        "ReLU", "ReLU6", "Hardtanh", "LeakyReLU", "PReLU", "ELU", "SELU", "CELU", "GELU", "SiLU",
        "Mish", "Softplus", "Softsign", "Tanh", "Tanhshrink", "Sigmoid", "LogSigmoid",
        "Hardsigmoid", "Hardswish", "Hardshrink", "Softshrink", "GLU",
    )),
    ("PReLU(4)", [_IMAGE]),
    ("Threshold(0.1, 2.0)", [(3, 8)]),
    ("GELU('tanh')", [(3, 8)]),
    ("Softplus(2.0, 1.0)", [(3, 8)]),
    ("CELU(0.5)", [(3, 8)]),
    ("ELU(0.5)", [(3, 8)]),
    *((f"{name}(dim=1)", [_IMAGE]) for name in ("Softmax", "Softmin", "LogSoftmax")),
    ("CosineSimilarity()", [(3, 8), (3, 8)]),
    *((f"{name}()", [(3, 8), (3, 8)]) for name in (
        "MSELoss", "L1Loss", "HuberLoss", "SmoothL1Loss",
    )),
    ("MSELoss(reduction='sum')", [(3, 8), (3, 8)]),
    ("HuberLoss(delta=0.3, reduction='none')", [(3, 8), (3, 8)]),
    ("SmoothL1Loss(beta=0.3)", [(3, 8), (3, 8)]),
    ("NLLLoss()", [(5, 4), ("int", 4, 5)]),
    ("NLLLoss(torch.tensor([0.3, 1.0, 2.0, 0.5]), ignore_index=1)", [(5, 4), ("int", 4, 5)]),
    ("CrossEntropyLoss()", [(5, 4), ("int", 4, 5)]),
    ("CrossEntropyLoss()", [(2, 4, 3), ("int", 4, 2, 3)]),
    ("CrossEntropyLoss()", [(5, 4), ("unit", 5, 4)]),
    ("BCELoss()", [("unit", 5), ("unit", 5)]),
    ("BCEWithLogitsLoss(pos_weight=torch.tensor(2.0))", [(5,), ("unit", 5)]),
]  # fmt: skip


def by_module(text):
    """Return a module whose ``forward`` is the function of tensors that a text writes."""
    forward = eval(f"lambda self, {text}", {"torch": torch, "F": F})
    return type("ByModule", (nn.Module,), {"forward": forward})()


_UNARY = (
    "abs sqrt exp exp2 expm1 log log2 log10 log1p sin cos tan sinh cosh floor ceil round trunc "
    "sign isnan isinf isfinite square reciprocal asin acos atan asinh atanh neg relu sigmoid "
    "tanh erf absolute rsqrt"
)
_BINARY = (
    "logaddexp maximum minimum pow fmod remainder atan2 eq ne lt le gt ge mul multiply add sub "
    "subtract div divide true_divide max min"
)
_WITH = {
    "acosh": ["x: torch.acosh(x + 1)", "x: (x + 1).acosh()"],
    "matmul": ["x, y: torch.matmul(x, y.t())", "x, y: x.matmul(y.T)", "x, y: x @ y.mT"],
    "mm": ["x, y: torch.mm(x, y.t())", "x, y: x.mm(y.t())"],
    "bmm": ["x, y: torch.bmm(x[None], y.t()[None])", "x, y: x[None].bmm(y.t()[None])"],
    "mv": ["x, y: torch.mv(x, y[0])", "x, y: x.mv(y[0])"],
    "dot": ["x, y: torch.dot(x[0], y[0])", "x, y: x[0].dot(y[0])"],
    "outer": ["x, y: torch.outer(x[0], y[1])", "x, y: x[0].outer(y[1])"],
    "addmm": ["x, y: torch.addmm(x[:, :4], x, y.t(), beta=0.5, alpha=2)",
              "x, y: x[:, :4].addmm(x, y.t())"],
    "baddbmm": ["x, y: torch.baddbmm(x[:, :4][None], x[None], y.t()[None])",
                "x, y: x[:, :4][None].baddbmm(x[None], y.t()[None])"],
    "add": ["x, y: torch.add(x, y, alpha=2)", "x: 1 + x"],
    "sub": ["x, y: torch.sub(x, y, alpha=2)", "x: 1 - x", "x: torch.rsub(x, 1)"],
    "mul": ["x: 2 * x"],
    "div": ["x, y: torch.div(x, y, rounding_mode='floor')", "x: 2 / x",
            "x, y: torch.div(x, y, rounding_mode='trunc')", "x, y: x + (x // y).detach()"],
    "power": ["x: x ** 2", "x: 2 ** x", "x: torch.pow(x, 3)"],
    "sum": ["x: torch.sum(x)", "x: x.sum(0)", "x: x.sum((0, 1), keepdim=True)",
            "x: torch.sum(x, dim=1, dtype=torch.float64)"],
    "mean": ["x: torch.mean(x)", "x: x.mean(-1, keepdim=True)"],
    "var": ["x: torch.var(x, 1)", "x: x.var(dim=0, correction=0)"],
    "std": ["x: torch.std(x, 1, keepdim=True)", "x: x.std(dim=0)"],
    "amax": ["x: torch.amax(x, 1)", "x: x.amax((0, 1))"],
    "amin": ["x: torch.amin(x, 1)", "x: x.amin()"],
    "max": ["x: torch.max(x)", "x: x.max()"],
    "min": ["x: torch.min(x)", "x: x.min()"],
    "argmax": ["x: torch.argmax(x)", "x: x.argmax(1, keepdim=True)"],
    "norm": ["x: torch.norm(x)", "x: torch.norm(x - x)", "x: (x * 0).norm(dim=1)",
             "x: x.norm(dim=1)"],
    "clamp": ["x: torch.clamp(x, 0.3, 0.7)", "x: x.clamp(min=0.5)", "x: torch.clip(x, max=0.5)",
              "x: x.clip(0.3)"],
    "where": ["x, y: torch.where(x > y, x, 2 * y)", "x, y: x.where(x > y, y)"],
    "masked_fill": ["x: torch.masked_fill(x, x > 0.5, 2.0)", "x: x.masked_fill(x > 0.5, 2.0)"],
    "cat": ["x, y: torch.cat([x, y], 1)", "x, y: torch.concat((x, y))"],
    "stack": ["x, y: torch.stack([x, y], dim=1)"],
    "split": ["x: torch.split(x, 4, 1)", "x: x.split([1, 5], dim=1)[1]"],
    "chunk": ["x: torch.chunk(x, 3, dim=1)", "x: x.chunk(2)[0]"],
    "unbind": ["x: torch.unbind(x, 1)", "x: x.unbind()[1]"],
    "reshape": ["x: torch.reshape(x, (3, -1))", "x: x.reshape(8, 3)", "x: x.view(-1)",
                "x: x.view(x.shape[0], -1, 2)", "x: x.contiguous().view([2, 12])"],
    "permute": ["x: torch.permute(x, (1, 0))", "x: x.permute(1, 0)"],
    "transpose": ["x: torch.transpose(x, 0, 1)", "x: x.transpose(0, 1)",
                  "x: torch.swapaxes(x, 0, 1)", "x: x.swapaxes(0, 1)"],
    "t": ["x: torch.t(x)", "x: x.t()"],
    "flatten": ["x: torch.flatten(x)", "x: x.flatten(0, 1)"],
    "unflatten": ["x: torch.unflatten(x, 1, (2, 3))", "x: x.unflatten(-1, (3, -1))"],
    "squeeze": ["x: torch.squeeze(x[:, :1])", "x: x[:, :1].squeeze(1)", "x: x.squeeze(0)"],
    "unsqueeze": ["x: torch.unsqueeze(x, 1)", "x: x.unsqueeze(-1)"],
    "flip": ["x: torch.flip(x, (0, 1))", "x: x.flip(1)"],
    "cumsum": ["x: torch.cumsum(x, 1)", "x: x.cumsum(dim=0)"],
    "expand": ["x: x[:1].expand(3, -1)", "x: x.repeat(2, 1)", "x: x.clone()"],
    "size": ["x: x * x.size(1)", "x: x / x.size()[0]", "x: x * x.dim()",
             "x: x * torch.numel(x)", "x: x * x.numel()"],
    "float": ["x: x.float().double()", "x: x.to(torch.float32).to(torch.float64)",
              "x, y: x.float().type_as(y)", "x: x.float().to(dtype=torch.float64)"],
    "index": ["x: x[1:, ::2]", "x: x[..., None, 0]", "x: x[:, -1]"],
    "einsum": ["x, y: torch.einsum('ij,kj->ik', x, y)"],
    "like": ["x: torch.zeros_like(x) + x", "x: torch.ones_like(x) * x"],
    "softmax": ["x: torch.softmax(x, 1)", "x: x.softmax(-1)", "x: torch.log_softmax(x, 0)",
                "x: x.log_softmax(dim=1)", "x: x.float().softmax(1, torch.float64)",
                "x: torch.log_softmax(x.float(), 1, torch.float64)"],
    "expit": ["x: torch.special.expit(x)"],
    "bilinear": ["x, y: torch.bilinear(x, y, torch.ones(2, 6, 6).double(), None)",
                 "x, y: F.bilinear(x, y, x.view(1, 4, 6).repeat(1, 2, 1)[:, :6])"],
    "linear": ["x, y: F.linear(x, y, y[:, 0])"],
    "dropout": ["x: torch.dropout(x, 0.5, False)",
                *(f"x: F.dropout{n}(x, 0.5, training=False)" for n in ("", "1d")),
                *(f"x: F.dropout{n}d(x.reshape({s}), 0.5, False)"
                  for n, s in ((2, "4, 2, 3, 1"), (3, "4, 1, 2, 3, 1")))],
    "layer_norm": ["x: torch.layer_norm(x, (6,))", "x: F.layer_norm(x, (6,), eps=0.1)"],
    "norms": ["x: F.rms_norm(x, (6,))", "x: F.group_norm(x, 2)", "x: F.normalize(x)",
              "x: F.normalize(x, p=3.0, dim=0)", "x: F.normalize(x, p=float('inf'))",
              "x: F.instance_norm(x[None])",
              "x, y: F.batch_norm(x, y[0].detach(), y[1].detach(), y[2], y[3])",
              "x, y: F.cosine_similarity(x, y)"],
    "conv": ["x, y: F.conv1d(x[None], y[None][:, :, :2])",
             "x, y: F.conv2d(x[None, None], y[None, None, :2, :2], padding=1)",
             "x, y: F.conv3d(x[None, None, None], y[None, None, None, :2, :2])",
             "x, y: F.conv_transpose1d(x[None], y[:, None, :2])",
             "x, y: F.conv_transpose2d(x[None, None], y[None, None, :2, :2], stride=2)",
             "x, y: F.conv_transpose3d(x[None, None, None], y[None, None, None, :2, :2])"],
    "pool": [f"x: F.{kind}_pool{n}d(x[{', '.join(['None'] * (n - 1))}], 2)"
             for kind in ("adaptive_avg", "adaptive_max") for n in (2, 3)]
            + [f"x: F.{kind}_pool1d(x, 2)"
               for kind in ("max", "avg", "adaptive_avg", "adaptive_max")]
            + [f"x: F.{kind}_pool{n}d(x[{', '.join(['None'] * n)}], {(1,) * (n - 2) + (2, 2)})"
               for kind in ("max", "avg") for n in (2, 3)]
            + ["x: F.avg_pool2d(x[None], 2, divisor_override=3)"],
    "activations": [f"x: F.{name}(x - 0.5)" for name in (
        "relu", "relu6", "hardtanh", "leaky_relu", "elu", "selu", "celu", "gelu", "silu", "mish",
        "softplus", "logsigmoid", "softsign", "tanhshrink", "hardshrink", "softshrink",
        "hardsigmoid", "hardswish", "glu", "sigmoid", "tanh",
    )] + ["x, y: F.prelu(x - 0.5, y[0, :1])", "x: F.threshold(x, 0.5, 0.1)",
          *(f"x: F.{name}(x, dim=1)" for name in ("softmax", "softmin", "log_softmax")),
          "x: F.relu(2 * x, inplace=True)"],
    "embedding": ["x, y: F.embedding(torch.argmax(x[:, :4], 1), y)"],
    "pad": ["x: F.pad(x, (1, 2))", "x: F.pad(x, (1, 0, -1, 2), value=3.0)",
            "x: F.pad(x[None], (1, 2), mode='reflect')"],
    "pixel_shuffle": ["x: F.pixel_shuffle(x[..., None], 2)"],
    "attention": ["x, y: F.scaled_dot_product_attention(x[None], y[None], y[None])",
                  "x, y: F.scaled_dot_product_attention(x, y, y, is_causal=True)",
                  "x, y: F.scaled_dot_product_attention(x[None], y[None], y[None], x[:, :4])"],
    "losses": [f"x, y: F.{name}(x, y)" for name in (
        "mse_loss", "l1_loss", "huber_loss", "smooth_l1_loss", "cross_entropy",
        "binary_cross_entropy", "binary_cross_entropy_with_logits",
    )] + ["x, y: F.smooth_l1_loss(x, y, beta=0.0)",
         "x, y: F.nll_loss(x, torch.argmax(y, 1))", "x, y: F.cross_entropy(x, y.argmax(1))"],
}  # fmt: skip

CALLS = {
    **{name: [f"x: torch.{name}(x)", f"x: x.{name}()"] for name in _UNARY.split()},
    **{name: [f"x, y: torch.{name}(x, y)", f"x, y: x.{name}(y)"] for name in _BINARY.split()},
}
for _name, _texts in _WITH.items():
    CALLS[_name] = [*CALLS.get(_name, []), *_texts]
