"""Questions of which the published fault benchmarks are made, each network afresh in one line.

deepmufl (2023), DeepFD (2022), DeepLocalize (2021), AutoTrainer (2021) and TheDeepChecker (2022)
judge these; the name of each is the number of the question, or the tool that has it. The repaired
form changes what the answers change, and no more than lets it learn in 300 steps. "kinds" are
the findings that name the cause, or one of several: a run with a squashing output and a rate far
too small has two. Wide layers are made narrower and all runs have 300 steps.
"""

from __future__ import annotations

from typing import Any

from torch import nn

from faults.setup import Exp, Setup
from faults.table import HEAD, LARGE, SMALL, Fault

SLOW = ("update too small", "not learning")
FLAT = ("vanishing", "dead", "saturated")
OFF = ("scale", "update too large", "exploding", "non-finite", "dead", "saturated")


def _post(name: str, source: str, kinds: tuple[str, ...], bug: Setup, **repair: Any) -> Fault:
    return Fault(f"{source} {name}", source, kinds, bug, repair)


def _lenet(layers: int, activation: type[nn.Module], start: str, width: int = 32) -> nn.Module:
    """Convolutions, and a tail of equal layers."""
    parts: list[nn.Module] = [
        nn.Unflatten(1, (1, 8, 8)), nn.Conv2d(1, 6, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
    ]  # fmt: skip
    before = 54
    for _ in range(layers):
        layer = nn.Linear(before, width)
        if start == "U05":
            nn.init.uniform_(layer.weight, -0.05, 0.05)
        elif start == "He":
            nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu")
        nn.init.zeros_(layer.bias)
        parts += [layer, activation()]
        before = width
    return nn.Sequential(*parts, nn.Linear(before, 10))


POSTS: tuple[Fault, ...] = (
    # ---- one unit, and other heads
    _post("ones and zeros", "31880720", HEAD,
          Setup("16-32r-d.2-16r-d.2-1sm", "Gl", optimizer="RMSprop", rate=1e-3, loss="bce",
                data="ones and zeros", rows=24), net="16-32r-d.2-16r-d.2-1s"),
    _post("exclusive or", "34311586", HEAD,
          Setup("2-2s-3s-1sm", "U05", optimizer="SGD", rate=1e-3, options={"momentum": 0.9},
                loss="mse", data="exclusive or", rows=6),
          net="2-8s-1s", start="", rate=0.5, optimizer="SGD"),
    _post("make_classification", "66407123", HEAD,
          Setup("5-32r-32r-1sm", "Gl", optimizer="SGD", rate=0.01, loss="bce", rows=64,
                data="five features"), net="5-32r-32r-1s"),
    _post("inputs to 10 000", "33969059", ("head", "saturated"),
          Setup("8-3t-d.5-2t-d.5-1sm", "U05", optimizer="SGD", rate=0.1, options={"momentum": 0.9},
                loss="mse", data="large inputs"),
          net="8-3t-d.5-2t-d.5-1", standard=True),
    _post("four outputs of one target", "60766775", HEAD,
          Setup("8-32s-d.1-20s-d.1-15s-d.1-4sm", optimizer="SGD", rate=0.01,
                options={"momentum": 0.87}, rows=16, steps=900,
                loss=lambda out, y: (out - y[:, None]).square().mean(), data="regression ±100"),
          net="8-32s-d.1-20s-d.1-15s-d.1-4", standard=True),
    _post("Poisson", "56774954", HEAD,
          Setup("8-50s-40s-3sm", loss="poisson", data="counts"), net="8-50s-40s-3x"),
    _post("prices", "48976413", HEAD,
          Setup("5-12r-8r-1s", "N05", rows=50, loss="mse", data="prices"),
          net="5-12r-8r-1", standard=True),
    _post("targets of ±100", "52566823", HEAD,
          Setup("8-5s-4s-1s", optimizer="SGD", rate=0.1, loss="mse", data="regression ±100"),
          net="8-5s-4s-1", standard=True),
    _post("one unit, and targets of ±1", "62313327", HEAD,
          Setup("30-1r-1s", loss="mse", data="first of 30"), net="30-8r-1"),
    _post("7 to 12", "54811239", HEAD,
          Setup("8-50t-1t", loss="mse", data="from 7 to 12", rows=2), net="8-50t-1"),
    _post("class numbers", "41596619", HEAD,
          Setup("16-8r-1s", optimizer="SGD", rate=0.1, rows=11, loss="open bce",
                data="four classes"), net="16-8r-4", loss="ce"),
    _post("five sigmoids", "41823068", HEAD,
          Setup("10-64r-d.5-5s", optimizer="RMSprop", rate=1e-3, loss="share",
                data="five classes"), net="10-64r-d.5-5", loss="ce"),
    _post("six layers and sigmoids", "41999686", ("head", *FLAT),
          Setup("16-32r-48r-64r-64r-64r-4s", "N05", optimizer="SGD", rate=0.01,
                options={"momentum": 0.9}, loss="share", data="four classes"),
          net="16-32r-48r-64r-64r-64r-4", start="He", loss="ce"),
    _post("122 classes", "42472447", ("head", *FLAT),
          Setup("33-50r-33r-33r-33r-122s", "U05", rows=20, rate=1e-3, loss="share",
                data="122 classes"), net="33-50r-33r-33r-33r-122", start="He", loss="ce"),
    _post("ReLU, and two classes", "44758894", ("head", "dead"),
          Setup("7-16r-1r", optimizer="SGD", rate=0.01, loss="mse", data="two of seven"),
          net="7-16r-1"),
    _post("ReLU under a cross-entropy", "51185079", ("head", "dead"),
          Setup("8-64r-48r-48r-48r-32r-1r", optimizer="RMSprop", rate=1e-3, rows=200, loss="bce"),
          net="8-64r-48r-48r-48r-32r-1s"),
    _post("equal bits", "58572274", ("head", "dead"),
          Setup("2-2r-2r-1r", rate=1e-2, rows=4, loss="bce", data="equal bits", steps=600),
          net="2-8r-8r-1s"),
    _post("targets of both signs", "59758722", ("head", "dead"),
          Setup("4-30r-30r-1r", optimizer="RMSprop", rate=1e-3, rows=128, loss="mse",
                data="regression of four"), net="4-30r-30r-1"),
    _post("five sigmoid layers, raw outputs", "57407973", ("vanishing", "head"),
          Setup("8-28s-64s-64s-64s-48s-1", "N05", rate=1e-3, loss="bce"),
          net="8-28r-64r-64r-1s", start="He"),
    _post("five layers of sigmoids", "65777704", ("vanishing", "not learning"),
          Setup("64-8s-16s-32s-64s-64s-10", rate=1e-3, rows=500, data="images"),
          net="64-8r-16r-32r-64r-64r-10", start="He"),
    _post("ReLU on the logits", "43239467", ("head", "dead"),
          Setup("64-64r-10r", rate=1e-3, data="images"), net="64-64r-10"),
    # ---- rates, starts, scales
    _post("a rate of 3", "48385830", OFF,
          Setup("64-30-10", "N1", optimizer="SGD", rate=3.0, rows=10, loss="mse classes",
                data="images"), net="64-30r-10", start="He", rate=0.1),
    _post("a line through a quintic", "48486598", ("head", "not learning", "linear"),
          Setup("1-16-16-1", rows=10, loss="mae", data="quintic"), net="1-16r-16r-1"),
    _post("two blobs, slowly", "50306988", SLOW,
          Setup("2-2r-3", rate=1e-3, data="two blobs"), rate=3e-2),
    _post("a parabola", "48934338", OFF,
          Setup("1-50r-30r-1", optimizer="SGD", rate=0.1, loss="mse", data="parabola"),
          rate=0.05, standard=True),
    _post("x to the fourth", "52800582", ("saturated", "not learning", "update too small"),
          Setup("1-50s-50e-1", rate=1e-3, rows=400, loss="mse", data="fourth power"),
          standard=True),
    _post("a permutation of bits", "39217567", ("vanishing", "not learning", "update too small"),
          Setup("8-8s-8s-8s", "N05", optimizer="SGD", rate=0.01, rows=50,
                loss=lambda out, y: nn.functional.mse_loss(out, y), data="bits"),
          net="8-32r-8s", start="He", optimizer="Adam"),
    _post("exclusive or by absolute errors", "31556268", SLOW,
          Setup("2-4s-1s", optimizer="SGD", rate=0.05, options={"momentum": 0.11}, rows=4,
                loss="mae", data="exclusive or"), rate=2.0, loss="mse", net="2-8s-1s"),
    _post("three labels", "38648195", ("head", *SLOW),
          Setup("20-20r-d.5-20r-d.5-3sm", optimizer="SGD", rate=0.01, rows=20,
                loss=lambda out, y: nn.functional.mse_loss(out, y), data="three labels"),
          net="20-20r-20r-3s", optimizer="Adam"),
    _post("the logarithm of 0", "TF 33641799", ("non-finite", "update too large"),
          Setup("64-10sm", "0", optimizer="SGD", rate=0.01, rows=205, loss="masked log",
                data="images to 255"), loss="ce", net="64-10", standard=True, rate=0.1),
    _post("the logarithm of raw outputs", "TF 35078027", ("non-finite", "head"),
          Setup("64-64s-10", "N1", optimizer="SGD", rate=0.05, rows=100, loss="raw log",
                data="images"), loss="ce", start="Gl", rate=0.5),
    _post("weights of N(0, 1)", "TF 48723158", ("exploding", "update too large"),
          Setup("64-200r-200r-200r-10", "N1", rate=3e-3, rows=100, data="images"), start="He"),
    _post("a line, x to 99", "TF 43636736", OFF,
          Setup("1-1", optimizer="SGD", rate=0.5, rows=100, loss="half mse", data="line to 99"),
          standard=True),
    _post("a sum of squares", "TF 46577203", OFF,
          Setup("3-1", "0", optimizer="SGD", rate=0.1, rows=32, loss="sse", data="powers"),
          rate=1e-3),
    _post("three linear layers of N(0, 1)", "TFE-368", (*OFF, "linear"),
          Setup("64-64-64-10", "N1", rate=0.1, rows=128, data="images"),
          net="64-64r-64r-10", start="He", rate=3e-3),
    # ---- AutoTrainer
    _post("circle ×11 sigmoid", "AutoTrainer", ("vanishing",),
          Setup("2-" + "5s-" * 11 + "1s", "He", rate=1e-2, rows=128, loss="bce", data="circles"),
          net="2-16r-16r-16r-1s", rate=1e-2),
    _post("circle ×8 exp", "AutoTrainer", ("exploding", "non-finite"),
          Setup("2-" + "5x-" * 8 + "1s", "He", rate=1e-2, rows=128, loss="bce", data="circles"),
          net="2-16r-16r-16r-1s", rate=1e-2),
    _post("circle ×8 ReLU from U05", "AutoTrainer", ("vanishing", "dead"),
          Setup("2-" + "5r-" * 8 + "1s", "U05", rate=1e-2, rows=128, loss="bce", data="circles"),
          net="2-16r-16r-16r-1s", start="He", rate=1e-2),
    _post("circle ×16 ReLU", "AutoTrainer", ("dead", "vanishing"),
          Setup("2-" + "5r-" * 16 + "1s", "He", rate=1e-2, rows=128, loss="bce", data="circles"),
          net="2-16r-16r-16r-1s", rate=1e-2),
    _post("blobs, one row a batch", "AutoTrainer", ("update too large", "dead", "not learning"),
          Setup("2-50r-3", optimizer="SGD", rate=0.01, options={"momentum": 0.9}, rows=1,
                data="wide blobs"), rows=32),
    _post("convolutions and 8 sigmoids", "AutoTrainer", ("vanishing",),
          Setup(build=lambda: _lenet(8, nn.Sigmoid, "He"), rate=1e-3, data="images"),
          build=lambda: _lenet(3, nn.ReLU, "He")),
    _post("convolutions and 4 exp", "AutoTrainer", ("exploding", "non-finite"),
          Setup(build=lambda: _lenet(4, Exp, "He"), rate=1e-3, data="images"),
          build=lambda: _lenet(3, nn.ReLU, "He")),
    _post("convolutions and 16 ReLU from U05", "AutoTrainer", ("vanishing", "dead"),
          Setup(build=lambda: _lenet(16, nn.ReLU, "U05"), rate=1e-3, data="images"),
          build=lambda: _lenet(3, nn.ReLU, "He")),
    # ---- TheDeepChecker
    _post("ε of 1e-16 and a rate of 0.1", "TheDeepChecker", LARGE,
          Setup("64-64r-64r-10", rate=0.1, options={"eps": 1e-16}, data="images"), rate=3e-3),
    _post("a rate of 1e-6", "TheDeepChecker", SMALL,
          Setup("64-64r-64r-10", optimizer="SGD", rate=1e-6, data="images"), rate=0.1),
    _post("a flipped sign", "TheDeepChecker", ("update too large", "unbounded loss", "exploding"),
          Setup("64-64r-64r-10", rate=3e-3, loss="ascent", data="images"), loss="ce"),
    _post("equal weights", "TheDeepChecker", ("not learning", "equal units", "vanishing"),
          Setup("64-64r-64r-10", "C05", optimizer="SGD", rate=0.1, data="images"), start="He"),
    _post("softmax twice", "TheDeepChecker", HEAD,
          Setup("64-64r-64r-10sm", optimizer="SGD", rate=0.1, data="images"), net="64-64r-64r-10"),
    _post("inputs to 255", "TheDeepChecker", (*OFF, "not learning"),
          Setup("64-64r-64r-10", optimizer="SGD", rate=0.1, data="images to 255"), standard=True),
    _post("normalized twice", "TheDeepChecker", (*SLOW, "vanishing", "scale"),
          Setup("64-64r-64r-10", optimizer="SGD", rate=0.1, data="images over 255"),
          standard=True),
    _post("shuffled labels", "TheDeepChecker", ("not learning",),
          Setup("64-64r-10", rate=1e-3, data="shuffled images"), data="images"),
    _post("softmax over the rows", "TheDeepChecker", HEAD,
          Setup("64-64r-10lsm0", rate=1e-3, loss="nll", data="images"), net="64-64r-10lsm"),
    _post("over-regularized", "TheDeepChecker", ("vanishing", "not learning", "update too large"),
          Setup("64-64r-64r-10", optimizer="AdamW", rate=1e-2, options={"weight_decay": 10.0},
                data="images"), options={"weight_decay": 0.01}),
    # ---- DeepFD
    _post("a rate of 1e-4 and few epochs", "41977498", SLOW,
          Setup("8-16r-2", optimizer="SGD", rate=1e-4), optimizer="Adam", rate=1e-2),
    _post("an autoencoder behind a ReLU", "42514960", ("head", "dead"),
          Setup("64-32r-64r", rate=1e-3, data="standard pixels",
                loss=lambda out, y: nn.functional.mse_loss(out, y)), net="64-32r-64"),
    _post("a rate of 1e-4, plain", "44998910", SLOW,
          Setup("8-32t-1", optimizer="SGD", rate=1e-4, loss="mse", data="regression"), rate=0.03),
    _post("a table as it is", "46642627", (*OFF, "inputs"),
          Setup("8-32r-1", optimizer="SGD", rate=1e-2, loss="mse", data="raw table"),
          standard=True),
    _post("eleven narrow layers", "46995209", ("dead", "vanishing", "not learning"),
          Setup("8-10t-" + "10r-" * 10 + "1", rate=1e-3, loss="mse", data="regression"),
          net="8-32r-32r-1", rate=1e-2),
    _post("a rate of 0.1", "51181393", OFF,
          Setup("8-32r-1", optimizer="RMSprop", rate=0.1, loss="mse", data="regression"),
          rate=1e-3),
    _post("a table as it is, by Adam", "47932589", (*OFF, "not learning", "inputs"),
          Setup("8-16s-1", rate=1e-3, loss="mse", data="raw table"), standard=True),
    _post("momentum at a rate of 0.1", "37624102", OFF,
          Setup("8-64r-64r-1", optimizer="SGD", rate=0.1, options={"momentum": 0.9}, loss="mse",
                data="from 7 to 12"), rate=0.01),
    _post("plain descent", "56380303", SLOW,
          Setup("16-64r-64r-10", optimizer="SGD", rate=1e-3, data="ten classes"),
          optimizer="Adam", rate=3e-3),
)  # fmt: skip
