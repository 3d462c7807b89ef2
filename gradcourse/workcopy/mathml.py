"""TeX formulas as MathML: the part of TeX that the course is written in.

Browsers typeset MathML by themselves, and screen readers speak it, so a page needs neither a
script nor a network. What is not understood is shown as TeX.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable


def _named(names: str, signs: str) -> dict[str, str]:
    return dict(zip(names.split(), signs, strict=True))


LETTERS = {
    **_named("alpha beta gamma delta zeta eta theta kappa", "αβγδζηθκ"),
    **_named("lambda mu nu xi pi rho sigma tau", "λμνξπρστ"),
    **_named("chi psi omega Gamma Delta Theta Lambda", "χψωΓΔΘΛ"),
    **_named("Sigma Phi Psi Omega Pi epsilon varepsilon", "ΣΦΨΩΠϵε"),
    **_named("phi varphi partial nabla infty ell", "ϕφ∂∇∞ℓ"),
    "top": "⊤",
    "dots": "…",
    "ldots": "…",
    "cdots": "⋯",
    "vdots": "⋮",
    "ddots": "⋱",
    "emptyset": "∅",
}
OPERATORS = {
    "cdot": "⋅",
    "times": "×",
    "odot": "⊙",
    "otimes": "⊗",
    "pm": "±",
    "mp": "∓",
    "le": "≤",
    "leq": "≤",
    "ge": "≥",
    "geq": "≥",
    "ne": "≠",
    "neq": "≠",
    "ll": "≪",
    "gg": "≫",
    "approx": "≈",
    "sim": "∼",
    "equiv": "≡",
    "propto": "∝",
    "in": "∈",
    "to": "→",
    "rightarrow": "→",
    "leftarrow": "←",
    "gets": "←",
    "mapsto": "↦",
    "longrightarrow": "⟶",
    "Rightarrow": "⇒",
    "Longrightarrow": "⟹",
    "Leftrightarrow": "⇔",
    "forall": "∀",
    "exists": "∃",
    "mid": "∣",
    "circ": "∘",
    "ast": "∗",
    "star": "⋆",
    "|": "‖",
    "{": "{",
    "}": "}",
    "%": "%",
    "_": "_",
    "#": "#",
    "&": "&amp;",
    "$": "$",
    "langle": "⟨",
    "rangle": "⟩",
    "lfloor": "⌊",
    "rfloor": "⌋",
    "Vert": "‖",
    "vert": "|",
}
LARGE = {"sum": "∑", "prod": "∏", "int": "∫"}
FUNCTIONS = ("log", "ln", "exp", "sin", "cos", "tan", "sinh", "cosh", "tanh", "arg", "det", "erf")
LIMITS = ("max", "min", "sup", "inf", "lim", "argmax", "argmin")
SPACES = {",": "0.167em", ":": "0.222em", ";": "0.278em", " ": "0.25em", "!": "-0.167em"}
SPACES |= {"quad": "1em", "qquad": "2em", "\\": "", "~": "0.25em"}
ACCENTS = {"hat": "^", "widehat": "^", "bar": "¯", "tilde": "~", "widetilde": "~"}
ACCENTS |= {"dot": "˙", "vec": "→", "overline": "‾", "underline": "_"}
SIZES = {"big": 1.2, "Big": 1.8, "bigg": 2.4, "Bigg": 3.0}
FENCES = {"pmatrix": "()", "bmatrix": "[]", "vmatrix": "||", "cases": "{.", "matrix": ".."}
ALIGNED = ("aligned", "align", "align*", "split", "gathered", "array")
ALPHABETS = {"mathcal": 0x1D49C, "mathbb": 0x1D538, "mathbf": 0x1D400, "boldsymbol": 0x1D400}
IRREGULAR = {
    **dict(zip(map("mathcal{}".format, "BEFHILMR"), "ℬℰℱℋℐℒℳℛ", strict=True)),
    **dict(zip(map("mathbb{}".format, "CHNPQRZ"), "ℂℍℕℙℚℝℤ", strict=True)),
}

BARE = ' lspace="0" rspace="0"'
"""A bar is a fence here, left and right, and no relation."""

_CLOSE_BY = ("", "(", "[", ")", "]", "}", ",", "/", "\\bigl", "\\Bigl", "\\big", "\\Big", "\\left")
_TOKEN = re.compile(r"\\[a-zA-Z]+\*?|\\.|\s+|.", re.DOTALL)


class UnknownTex(ValueError):
    """A command that is not understood; the formula is shown as TeX then."""


def mathml(tex: str, display: bool = False) -> str:
    """Return a formula as a ``<math>`` element; as TeX in ``<code>`` where it is not understood.

    Parameters
    ----------
    tex : str
        Without the dollars.
    display : bool
        Whether it stands on a line of its own.
    """
    source = html.escape(tex.strip())
    block = ' display="block"' if display else ""
    try:
        inner = _Parser(tex).whole()
    except UnknownTex:
        return f"<code>{source}</code>"
    return (
        f"<math{block}><semantics><mrow>{inner}</mrow>"
        f'<annotation encoding="application/x-tex">{source}</annotation></semantics></math>'
    )


class _Parser:
    """Reads tokens from left to right, and gives elements."""

    def __init__(self, tex: str) -> None:
        self.tokens = [token for token in _TOKEN.findall(tex) if not token.isspace()]
        self._spaced = _TOKEN.findall(tex)
        self.place = 0

    def whole(self) -> str:
        inner = self.row(())
        if self.place < len(self.tokens):
            raise UnknownTex(self.tokens[self.place])
        return inner

    # Tokens.

    def peek(self) -> str:
        return self.tokens[self.place] if self.place < len(self.tokens) else ""

    def take(self) -> str:
        token = self.peek()
        if not token:
            raise UnknownTex("it ends too early")
        self.place += 1
        return token

    def expect(self, token: str) -> None:
        if self.take() != token:
            raise UnknownTex(f"{token} was expected")

    # Rows and what they are made of.

    def row(self, ends: Iterable[str]) -> str:
        """Read until a token in ``ends``, which is left; digits are gathered into numbers."""
        ends, elements, digits = tuple(ends), [], ""
        while self.peek() and self.peek() not in ends and self.peek() != "}":
            if self.peek().isdigit() or (self.peek() == "." and digits and self._digit_follows()):
                digits += self.take()
                if self.peek() in ("^", "_", "'"):
                    elements.append(self.scripts(f"<mn>{digits}</mn>", large=False))
                    digits = ""
                continue
            if digits:
                elements.append(f"<mn>{digits}</mn>")
                digits = ""
            if self.peek() in ("-", "+") and _nothing_before(elements):
                elements.append(_plain(self.take(), ' form="prefix"'))
                continue
            elements.append(self.element())
        if digits:
            elements.append(f"<mn>{digits}</mn>")
        return "".join(elements)

    def _digit_follows(self) -> bool:
        after = self.tokens[self.place + 1 : self.place + 2]
        return bool(after) and after[0].isdigit()

    def element(self) -> str:
        """Read one atom with its subscript and superscript."""
        name = self.peek().removeprefix("\\")
        command = self.peek().startswith("\\")
        read = self.scripts(self.atom(), large=command and name in (*LARGE, *LIMITS))
        if command and name in (*FUNCTIONS, *LIMITS) and self.peek() not in _CLOSE_BY:
            read += f'<mspace width="{SPACES[","]}"/>'
        return read

    def scripts(self, base: str, large: bool) -> str:
        below, above = "", ""
        while self.peek() in ("_", "^", "'"):
            sign = self.take()
            if sign == "_":
                below = self.argument()
            elif sign == "'":
                above = f"<mrow><mo>′</mo>{above}</mrow>"
            else:
                above = f"<mrow>{above}{self.argument()}</mrow>" if above else self.argument()
        if not below and not above:
            return base
        under, over, both = ("munder", "mover", "munderover") if large else ("msub", "msup", "")
        kind = (both or "msubsup") if below and above else under if below else over
        return f"<{kind}>{base}{below}{above}</{kind}>"

    def argument(self) -> str:
        """Read what a command applies to: a group, or one token."""
        if self.peek().isdigit():
            return f"<mn>{self.take()}</mn>"
        return self.atom()

    def group(self) -> str:
        self.expect("{")
        inner = self.row(("}",))
        self.expect("}")
        return f"<mrow>{inner}</mrow>"

    def letters(self) -> str:
        """Read a group, or one token, as it is written."""
        if self.peek() != "{":
            return self.take()
        self.take()
        depth, written = 1, []
        while depth:
            token = self.take()
            depth += {"{": 1, "}": -1}.get(token, 0)
            written.append(token)
        return "".join(token.removeprefix("\\") for token in written[:-1])

    def atom(self) -> str:
        if self.peek() == "{":
            return self.group()
        token = self.take()
        if not token.startswith("\\"):
            return _plain(token)
        name = token[1:]
        if name in LETTERS:
            upright = ' mathvariant="normal"' if name[0].isupper() or name == "infty" else ""
            return f"<mi{upright}>{LETTERS[name]}</mi>"
        if name in OPERATORS:
            bare = f' stretchy="false"{BARE}' if OPERATORS[name] in "|‖" else ""
            return f"<mo{bare}>{OPERATORS[name]}</mo>"
        if name in LARGE:
            return f'<mo largeop="true" movablelimits="true">{LARGE[name]}</mo>'
        if name in LIMITS:
            return f'<mo movablelimits="true">{name}</mo>'
        if name in FUNCTIONS:
            return f"<mi>{name}</mi>"
        if name in SPACES:
            return f'<mspace width="{SPACES[name] or "0em"}"/>'
        return self.command(name)

    # Commands.

    def command(self, name: str) -> str:
        if name in ("frac", "dfrac", "tfrac"):
            fraction = f"<mfrac>{self.argument()}{self.argument()}</mfrac>"
            small = f'<mstyle displaystyle="false">{fraction}</mstyle>'
            return small if name == "tfrac" else fraction
        if name == "binom":
            inner = f'<mfrac linethickness="0">{self.argument()}{self.argument()}</mfrac>'
            return f"<mrow><mo>(</mo>{inner}<mo>)</mo></mrow>"
        if name == "sqrt":
            return self.root()
        if name in ACCENTS:
            stretched = "true" if name.startswith(("wide", "over")) else "false"
            accent = f'<mo stretchy="{stretched}">{ACCENTS[name]}</mo>'
            return f'<mover accent="true">{self.argument()}{accent}</mover>'
        if name in ("text", "mathrm", "operatorname", "textbf", "mathit", "mathsf"):
            return self.words(name)
        if name in ALPHABETS:
            return "".join(f"<mi>{_in_alphabet(name, sign)}</mi>" for sign in self.letters())
        if name == "xrightarrow":
            return f'<mover><mo stretchy="true">→</mo>{self.argument()}</mover>'
        if name == "left":
            return self.fenced()
        if name == "begin":
            return self.environment()
        size = SIZES.get(name.rstrip("lrm")) or SIZES.get(name)
        if size:
            return self.delimiter(f'stretchy="true" minsize="{size}em" maxsize="{size}em"')
        raise UnknownTex(name)

    def root(self) -> str:
        if self.peek() != "[":
            return f"<msqrt>{self.argument()}</msqrt>"
        self.take()
        degree = self.row(("]",))
        self.expect("]")
        return f"<mroot>{self.argument()}<mrow>{degree}</mrow></mroot>"

    def words(self, name: str) -> str:
        # Blanks count in words, and the tokens of a formula have none: they are read once more.
        start = self._spaced_place()
        self.letters()
        piece = "".join(self._spaced[start : self._spaced_place()]).strip()
        said = html.escape(re.sub(r"\\(.)", r"\1", piece.removeprefix("{").removesuffix("}")))
        if name == "text":
            return f"<mtext>{said.replace(' ', '&#160;')}</mtext>"
        return f'<mi mathvariant="normal">{said}</mi>'

    def _spaced_place(self) -> int:
        """Where the next token stands among those with blanks."""
        left = self.place
        for index, token in enumerate(self._spaced):
            if token.isspace():
                continue
            if left == 0:
                return index
            left -= 1
        return len(self._spaced)

    def delimiter(self, attributes: str) -> str:
        sign = self.take()
        name = sign.removeprefix("\\")
        shown = OPERATORS.get(name) if sign.startswith("\\") else html.escape(sign)
        if not shown:
            raise UnknownTex(sign)
        return "" if sign == "." else f"<mo {attributes}>{shown}</mo>"

    def fenced(self) -> str:
        attributes = 'stretchy="true"'
        opening = self.delimiter(attributes)
        inner = self.row(("\\right",))
        self.expect("\\right")
        return f"<mrow>{opening}{inner}{self.delimiter(attributes)}</mrow>"

    def environment(self) -> str:
        name = self.letters()
        if name not in FENCES and name not in ALIGNED:
            raise UnknownTex(name)
        rows = [[""]]
        while True:
            rows[-1][-1] += self.row(("&", "\\\\", "\\end"))
            token = self.take()
            if token == "&":
                rows[-1].append("")
            elif token == "\\\\":
                rows.append([""])
            else:
                break
        self.letters()
        return _table(name, [row for row in rows if any(row)])


def _table(name: str, rows: list[list[str]]) -> str:
    aligned = name in ALIGNED
    styles: tuple[str, ...] = (' style="text-align: right"', ' style="text-align: left"')

    def cell(column: int, inner: str) -> str:
        style = styles[column % 2] if aligned else ""
        return f"<mtd{style}>{inner}</mtd>"

    body = "".join(
        f"<mtr>{''.join(cell(column, inner) for column, inner in enumerate(row))}</mtr>"
        for row in rows
    )
    table = f'<mtable displaystyle="{"true" if aligned else "false"}">{body}</mtable>'
    if aligned:
        return table
    left, right = FENCES[name][0], FENCES[name][1]
    return f"<mrow>{_fence(left)}{table}{_fence(right)}</mrow>"


def _fence(sign: str) -> str:
    return "" if sign == "." else f'<mo stretchy="true">{sign}</mo>'


def _nothing_before(elements: list[str]) -> bool:
    """Whether a sign that comes now is that of a number, as after "=" or at the beginning."""
    return not elements or (
        elements[-1].startswith("<mo") and elements[-1][-6] not in ")]|‖}"  # …)</mo>
    )


def _plain(token: str, more: str = "") -> str:
    if token.isdigit():
        return f"<mn>{token}</mn>"
    if token.isalpha():
        return f"<mi>{token}</mi>"
    if token in ("}", "&", "^", "_"):
        raise UnknownTex(token)
    if token == "~":
        return '<mspace width="0.25em"/>'
    # Fences that are written as they are do not stretch in TeX.
    still = ' stretchy="false"' if token in "()[]|" else ""
    if token == "|":
        still += BARE
    return f"<mo{still}{more}>{html.escape(token).replace('-', '−')}</mo>"


def _in_alphabet(name: str, sign: str) -> str:
    if not (sign.isascii() and sign.isalpha()):
        return html.escape(sign)
    if f"{name}{sign}" in IRREGULAR:
        return IRREGULAR[f"{name}{sign}"]
    return chr(ALPHABETS[name] + (ord(sign) - ord("A") if sign.isupper() else ord(sign) - 71))
