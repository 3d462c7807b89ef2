# %% [markdown] name="title" tags=["slide"]
# # 11 · Depth today: the Transformer
#
# **After this lesson you can say what the place of a norm does to the gradient of a Transformer, why late
# blocks do little, and what keeps attention's logits small.**
#
# *45 minutes. With the deeper steps 50. You need lessons 02, 06 and 07.*

# %% name="import" tags=["continue"]
import gradcourse as gc
import numpy as np
import torch
from gradcourse.experiments import transformer as depth
from gradcourse.experiments.copying import LONG, Recipe, batch, copy_loss, training
from gradcourse.experiments.measurements import stored

# %% [markdown] name="why" tags=["continue"]
# **Why it matters.** In 2023 a team at Google trained vision Transformers of up to 22 billion parameters
# (Dehghani et al. 2023). At 8 billion, the loss diverged after a few thousand steps. What they found was no
# bug: the **logits of attention had grown**, the scores by which a token chooses which others it reads, until
# each read one only. Skips and norms stood in every block. Are they not what lessons 06 and 07 promised?

# %% [markdown] name="notes-open" tags=["notes"]
# **Speaker notes** · 2 min
#
# Collect on the board which of the cures of lessons 04 to 09 a Transformer has: ReLU or GELU, layer norm,
# shortcuts, clipping, warm-up. Then ask: is anything left to vanish?

# %% [markdown] name="puzzle" tags=["slide"]
# ## The puzzle
#
# Two Transformers of 16 blocks learn to copy: twelve random tokens, then the same twelve again. Same
# matrices at the start, same rows, Adam at 0.001. A guess has a loss of ln 16 = 2.77. The only difference:
# a norm stands *before* each branch, or *behind* each sum. (Stored: half a minute for each network.)

# %% name="puzzle-measure" tags=["fragment", "nbval-check-output"]
print(stored("transformers"))
for kind in ("pre", "post"):
    print(f"{kind:4}-LN, loss after 250 updates: {gc.spread(depth.of(kind, 'end'), '.3f')}")

# %% name="puzzle-picture" tags=["fragment"]
depth.loss_plot({"pre": ("pre-LN", "blue"), "post": ("post-LN", "vermillion")}, 250)

# %% name="drawing-block" tags=["fragment"]
depth.block_drawing()

# %% [markdown] name="puzzle-question" tags=["continue"]
# **Attention.** From what it reads, each token makes a query $q$, a key $k$ and a value $v$, each with a matrix
# and $d$ numbers long. The *logit* of a query and a key is $q\cdot k/\sqrt d$. A softmax over all tokens up to
# the present one makes weights $p_j$ of its logits, which sum to 1, and the token receives $\sum_j p_j v_j$. Four
# *heads* do this side by side, each with its own matrices. **Feed-forward** is two matrices with a ReLU between.
#
# Post-LN is the block of 2017 (Vaswani et al. 2017), and it came with a recipe: let the learning rate
# rise slowly. Most large language models since GPT-2 (2019) have pre-LN. **What does the place of the norm do?**

# %% [markdown] name="notes-puzzle" tags=["notes"]
# **Speaker notes** · 4 min
#
# Let the hall follow the stream with a finger in both drawings. On the left nothing stands on it. The task: the
# answer always stands twelve places before the token that is to be predicted, so the place alone tells where.

# %% [markdown] name="step-1" tags=["slide"]
# ## Step 1 · The last block
#
# ### Predict

# %% name="predict-ratio" tags=["fragment"]
gc.panel("transformer/ratio")

# %% [markdown] name="drag-gradients" tags=["subslide"]
# ### Drag
#
# The gradient of each block's last matrix, untrained. Change the depth: which curve stays level, and
# which one falls towards the end? The dashed line takes pre-LN's last block, and the *forward* pass for the others.

# %% name="demo-gradients" tags=["fragment"]
gc.demo("transformer/gradients")

# %% [markdown] name="measure-ratio-intro" tags=["subslide"]
# ### Measure
#
# The last block, post-LN over pre-LN, in eight networks of each depth.

# %% name="measure-ratio" tags=["fragment"]
for blocks in (4, 16, 64):
    law = gc.theory.last_block_ratio(blocks)
    print(f"{blocks:2} blocks: {gc.spread(depth.ratios(blocks), '.1f')}; √L = {law:.0f}")

# %% name="picture-ratio" tags=["fragment"]
depth.ratio_plot()

# %% [markdown] name="explain-ratio" tags=["subslide"]
# ### Explain
#
# In pre-LN a branch reads a normed input, so each of a block's two branches adds about the same, $c$. Squares
# add in the stream $x_l$ ($q_l$ is its mean square, as in lesson 07, and no query):
#
# $$q_l = \tfrac1n\|x_l\|^2 \approx q_0 + 2c\,l .$$
#
# A norm divides what goes through it by $\sqrt q$, and so it divides the gradient on its way back. In
# pre-LN the last branch's δ goes through the *final* norm only, in post-LN through the norm behind
# its own sum, where $q = 1 + c$:
#
# $$\frac{\|\delta\|_\text{post}}{\|\delta\|_\text{pre}}
# \approx \sqrt{\frac{q_0 + 2c L}{1 + c}} \;\propto\; \sqrt L .$$
#
# This is the law of Xiong et al. (2020). Further back in pre-LN a branch multiplies $\|\delta\|^2$ by $1 + c/q$,
# as it does $q$, and so δ goes like $\sqrt{q_L/q_l}$ (lesson 07; dashed in the demo). Is the last δ as predicted?

# %% name="measure-last-delta" tags=["fragment"]
found, law = depth.last_delta_ratios(16)
print(f"16 blocks, δ of the last branch, post over pre: {gc.spread(found, '.1f')}")
print(f"theory, from the forward pass: {gc.spread(law, '.1f')}")

# %% [markdown] name="explain-last-delta" tags=["continue"]
# It is. The gradient of $W$ is the sum of $\delta h^\top$ over all tokens, whose terms add up or cancel: so its
# median is 5.3 and not 3.2, and **one network says little**: the eight lie between 2.2 and 7.9.

# %% [markdown] name="warm-up" tags=["subslide"]
# ### So warm up?
#
# Adam's first steps have full length whatever the gradient is. A slow start gives post-LN time:

# %% name="measure-warm-up" tags=["fragment", "nbval-check-output"]
for kind in ("post", "post, warm-up"):
    print(f"{kind:14}  250 updates: loss {gc.spread(depth.of(kind, 'end'))}")
print(f"{'post':14} {LONG} updates: loss {gc.spread(depth.of('post, long', 'end'))}")

# %% [markdown] name="warm-up-explain" tags=["continue"]
# With 100 updates of warm-up all five have left the guess of 2.77, if slowly; pre-LN was at 0.007 by then.
# Without it none has, nor in five times as many updates: claim 1 will show what became of them. Why a
# warm-up helps is open to this day; Adam's young memory is one answer, and reaching regions that bear the
# rate another (Kalra & Barkeshli 2024).

# %% [markdown] name="notes-step-1" tags=["notes"]
# **Speaker notes** · 9 min
#
# √L is a law of growth, not a number: have them read the exponent off the log axes (exercise 3). δ is the
# cleaner quantity: no sum over tokens. √(q_L/q_l) is De & Smith's rule from lesson 07.

# %% [markdown] name="step-2" tags=["slide"]
# ## Step 2 · The price of pre-LN
#
# The stream grows with every block. What does that do to the late ones?
#
# ### Predict

# %% name="predict-third" tags=["fragment"]
gc.panel("transformer/third")

# %% [markdown] name="measure-cut-intro" tags=["subslide"]
# ### Measure
#
# The five trained pre-LN networks. How large is the stream in front of a block (its mean square $q$), which share
# of the stream behind it is the block's own, and by how much does the loss rise when the block is left out?

# %% name="measure-cut" tags=["fragment", "nbval-check-output"]
size, share, damage = (depth.of("pre", key) for key in ("size", "share", "damage"))
for block in (1, 2, 3, 8, 16):
    print(
        f"block {block:2}: stream {np.median(size[:, block - 1]):5.1f}, adds "
        f"{np.median(share[:, block - 1]):.2f}, cut: loss + {gc.spread(damage[:, block - 1], '.4f')}"
    )

# %% name="picture-cut" tags=["fragment"]
depth.damage_plot()

# %% [markdown] name="explain-cut" tags=["subslide"]
# ### Explain
#
# Block $l$ adds a part of fixed size to a stream of size $\sqrt{q_l}$: its share falls like
# $\sqrt{2c/q_l} \approx 1/\sqrt l$. Beside it the shortcut is nearly everything, and $I + \text{small}$ is
# nearly $I$. **The first two blocks do the copying**, where the gradient is largest (step 1): to cut them costs
# 1.7 and 2.7, to cut a block from the eighth on 0.002. Would a single block be enough?

# %% name="measure-one-block" tags=["fragment"]
alone = [training(Recipe(blocks=1), seed).end for seed in range(3)]
print(f"one block and no more, 250 updates: loss {gc.spread(alone, '.3f')}")

# %% [markdown] name="explain-one-block" tags=["continue"]
# It would: the answer always stands twelve places back. So the late blocks are idle, and this task cannot say
# whether they are not needed or cannot help.
#
# In large language models, too, many of the later layers can be taken out at a small loss, the "curse of
# depth" (Sun et al. 2025). Their remedy multiplies what branch $l$ reads by $1/\sqrt l$, so that the stream
# grows like $\log L$ only. Untrained, five networks of each:

# %% name="measure-scaled" tags=["fragment"]
for blocks in (4, 16, 64):
    for scaled in (False, True):
        ends = [depth.first_stream(blocks, seed, scaled)[0][-1] for seed in range(5)]
        print(f"{blocks:2} blocks{', scaled' if scaled else '':8}: {gc.spread(ends, '.1f')}")

# %% [markdown] name="scaled-explain" tags=["continue"]
# Whether late blocks then do more is a question that copying cannot answer: it needs one block.

# %% [markdown] name="notes-step-2" tags=["notes"]
# **Speaker notes** · 8 min
#
# The task is too easy for 16 blocks, and that is the point to discuss: is a late block idle because it is
# not needed, or because it is diluted? "Think!" below asks for the measurement that separates the two.

# %% [markdown] name="step-3" tags=["slide"]
# ## Step 3 · Logits
#
# ### Predict

# %% name="predict-logit" tags=["fragment"]
gc.panel("transformer/logit")

# %% [markdown] name="drag-softmax" tags=["subslide"]
# ### Drag
#
# One query, twelve keys. Make the logits larger: what happens to the *slope* of the weights? The dashed line
# is what QK-norm guarantees.

# %% name="demo-softmax" tags=["fragment"]
gc.demo("transformer/softmax")

# %% [markdown] name="measure-logit-intro" tags=["subslide"]
# ### Measure
#
# Four blocks at a rate of 0.03: five stored networks, and one that is trained now. With QK-norm, each q and
# each k is brought to length $\sqrt d$; the width of 48 gives each of four heads $d = 12$. A query is *sure* of a
# key that has more than 0.99 of its weight.

# %% name="measure-logit" tags=["fragment"]
for kind in ("loud", "loud, QK-norm"):
    logit, loss = depth.live(kind)
    print(
        f"{kind:13} largest logit {gc.spread(depth.largest_logits(kind), '.1f')}; now {logit:.1f}"
    )
    print(f"{'':13} sure of one key {gc.spread(depth.of(kind, 'sure'), '.3f')}")
    print(f"{'':13} loss at the end {gc.spread(depth.of(kind, 'end'), '.5f')}; now {loss:.5f}")
print(f"theory, √12 = {gc.theory.logit_bound(12):.2f}")

# %% [markdown] name="explain-logit" tags=["subslide"]
# ### Explain
#
# A softmax is the sigmoid of lesson 02 with more keys, and it saturates in the same way:
#
# $$\frac{\partial p_i}{\partial z_i} = p_i(1 - p_i), \qquad
# \frac{|q\cdot k|}{\sqrt d} \le \frac{\|q\|\,\|k\|}{\sqrt d} = \frac{\sqrt d\,\sqrt d}{\sqrt d}
# = \sqrt d = 3.46 .$$
#
# Without the norm nothing bounds the product: the largest logit is about 1000, 57 % of all queries are sure of one
# key, and their slope is gone. These networks learn all the same, and end with a loss that is 14 to 370 times as
# large. In bfloat16, where numbers near 1000 are 4 or 8 apart, two such logits may even become equal (lesson 12).

# %% [markdown] name="notes-step-3" tags=["notes"]
# **Speaker notes** · 9 min
#
# Cauchy and Schwarz in one line, and the measurement stands right at the bound: 3.44 to 3.45. Others cap the
# logit after the step instead (QK-clip, Kimi Team 2025). Ask: why √d and not 1? (A weight must be able to
# become sharp.)

# %% [markdown] name="deeper-streams" tags=["slide", "deeper"]
# ## Deeper · Many streams
#
# Four residual streams that each layer mixes: lesson 01's product of matrices returns, and so does its explosion, unless the mixing is doubly stochastic.

# %% name="predict-gain" tags=["fragment"]
gc.panel("transformer/gain")

# %% name="demo-streams" tags=["fragment"]
gc.demo("transformer/streams")

# %% name="measure-streams" tags=["fragment"]
for s in (0.1, 0.3):
    free, held = (depth.gains(s, doubly)[:, -1] for doubly in (False, True))
    print(f"s = {s}: I + sN {gc.spread(free, '.1f')}; doubly stochastic, largest {held.max():.4f}")

# %% [markdown] name="explain-streams" tags=["continue"]
# Hyper-connections (Zhu et al. 2024) widen the stream to several and learn how to mix them. A free mixing
# $I + sN$ stretches a vector by $e^{\lambda}$ with
# $\lambda = \tfrac12\,\mathrm E\log\bigl[(1 + s g)^2 + s^2\chi_3^2\bigr]$, 0.01 at $s = 0.1$ and 0.09 at 0.3:
# small, and then taken 60 times. If rows and columns sum to 1 and nothing is negative, then
# $\|M\|_2^2 \le \|M\|_1\|M\|_\infty = 1$, whatever $s$ is, and products of such matrices are such matrices.
# That is what mHC does (Xie et al. 2025), by Sinkhorn's iteration.

# %% [markdown] name="notes-streams" tags=["notes"]
# **Speaker notes** · 4 min
#
# A convex combination of permutations (Birkhoff): it can blur, never amplify. Blurring is the price: what
# becomes of the differences between the streams after 60 layers?

# %% [markdown] name="deeper-alike" tags=["slide", "deeper"]
# ## Deeper · When all tokens become alike
#
# Why a query's gradient can vanish while δ is level over the depth: attention averages, and after many blocks there is nothing left to choose from.

# %% name="measure-alike" tags=["fragment"]
for order in ("pre", "post"):
    for blocks in (4, 64):
        alike = [depth.likeness(order, blocks, seed) for seed in range(5)]
        share = np.log10([depth.query_share(order, blocks, seed) for seed in range(5)])
        print(f"{order:4}-LN, {blocks:2} blocks: cosine of two tokens {gc.spread(alike, '.4f')}")
        print(f"     query's gradient over value's, log₁₀: {gc.spread(share, '.1f')}")

# %% [markdown] name="explain-alike" tags=["continue"]
# A logit's gradient compares one value with the mean of all that are read:
#
# $$\frac{\partial\mathcal L}{\partial z_k} = p_k\;\delta\cdot\Bigl(v_k - \sum_j p_j v_j\Bigr),$$
#
# which is 0 where all $v_j$ are equal. Each attention is an average, so it draws the tokens together; a
# shortcut keeps them apart, and post-LN's norm shrinks the shortcut's share in every block (Dong et al. 2021;
# Noci et al. 2022: *rank collapse*).

# %% [markdown] name="claims" tags=["slide"]
# ## Claims on trial
#
# ### Claim 1
#
# From a comparison of recurrent networks and Transformers (robotech.razzi.my, February 2022, after an article
# on KDnuggets of August 2019):
#
# > There is little to no gradient vanishing or explosion problem. In Transformer networks, the entire
# > sequence is trained simultaneously, and to build on that only a few more layers are added.

# %% name="vote-vanishing" tags=["fragment"]
gc.panel("transformer/claim-vanishing")

# %% [markdown] name="claim-vanishing-intro" tags=["continue"]
# δ in the stream behind block 1, relative to that behind block 16, after 250 updates of the puzzle's
# networks. The control is pre-LN: same matrices, rows, rate and updates; then post-LN with its warm-up.

# %% name="claim-vanishing-measure" tags=["fragment", "nbval-check-output"]
decades = {}
for kind in ("pre", "post, warm-up", "post", "post, long"):
    delta = depth.of(kind, "delta")
    decades[kind] = np.log10(delta[:, 0] / delta[:, -1])
    print(f"{kind:13} decades from block 16 back to block 1: {gc.spread(decades[kind], '.1f')}")
well, ill = np.median(decades["pre"]), np.median(decades["post, long"])
apart = ill < -3 and abs(well) < 3  # lesson 10's three decades
print("verdict:", "holds only if" if apart else "holds" if abs(ill) < 3 else "fails")

# %% [markdown] name="claim-vanishing-verdict" tags=["continue"]
# **Holds only if** a norm stands before each branch, or the rate begins low. In pre-LN the gradient in the
# stream is ten times as *large* in block 1 as in block 16. In post-LN at full rate from the first update it has
# vanished in block 1, by 1.5 to 3.5 decades after 250 updates and by more than 4 after 1250 ("long"). Attention
# does shorten the way through *time*, which is what the sentence is about; the way through the depth is as long
# as ever. *Scope:* 16 blocks, width 48, Adam at 0.001.

# %% [markdown] name="claim-norm" tags=["subslide"]
# ### Claim 2
#
# The first sentence of *Transformers without normalization* (Zhu et al. 2025), which goes on to attack it:
#
# > Normalization layers are ubiquitous in modern neural networks and have long been considered essential.

# %% name="vote-norm" tags=["fragment"]
gc.panel("transformer/claim-norm")

# %% [markdown] name="claim-norm-intro" tags=["continue"]
# Four blocks, pre-LN. In place of each norm a tanh of every unit by itself, $\gamma\tanh(\alpha x) + \beta$
# ("DyT"), or nothing at all. The last one has five times the budget as well.

# %% name="claim-norm-measure" tags=["fragment", "nbval-check-output"]
for kind in ("layer", "tanh", "none"):
    print(f"{kind:5} after  250 updates: {gc.spread(depth.of(kind, 'at 250'), '.3f')}")
print(f"none  in the first ten:    {gc.spread(depth.of('none', 'loss')[:, 0], '.1f')}")
print(f"none  after {LONG} updates: {gc.spread(depth.of('none', 'end'), '.3f')}")
print("verdict:", "fails" if depth.of("tanh", "at 250").max() < 0.1 else "holds")

# %% [markdown] name="claim-norm-verdict" tags=["continue"]
# **Fails.** The tanh learns in the same time as the norm, 0.012 against 0.008. With nothing at all the networks
# begin at a loss of 12, since nothing bounds what the branches read, and are near a guess when the others have
# learned; *but give them five times as long, and they learn too.* Here a norm buys time, and so does a tanh.
# *Scope:* four blocks, 0.001, 24 tokens. The counter-evidence: in GPT-2 with 64 million weights the tanh lowers
# the loss by 27 % on one million tokens and raises it by 19 % on 118 million (Verma 2026).

# %% [markdown] name="notes-claims" tags=["notes"]
# **Speaker notes** · 6 min
#
# Claim 1 is a good occasion to ask *which* gradient: in time, over depth, over tokens. Claim 2: a norm does
# at least two things, it bounds what a branch reads and it makes the scale of a matrix irrelevant (lesson 06).
# The tanh does the first only.

# %% [markdown] name="since-then" tags=["slide"]
# ## Since then
#
# - Admin (Liu et al. 2020) and DeepNorm (Wang et al. 2022) keep post-LN and enlarge the shortcut; 1000 layers
#   were trained with DeepNorm. Measured below: its last block begins with *less* gradient than pre-LN's.
# - Peri-LN (Kim et al. 2025) norms what the branch reads *and* what it gives.
# - QK-norm (Henry et al. 2020; Dehghani et al. 2023) is in many large models since; small ones with a larger
#   rate show the same instability (Wortsman et al. 2024).

# %% name="since-measure" tags=["fragment"]
for order in ("post", "deepnorm", "peri"):
    found = depth.ratios(16, over=order)
    print(f"{order:8} last block's gradient over pre-LN's, 16 blocks: {gc.spread(found)}")

# %% [markdown] name="your-network" tags=["slide"]
# ## In your own network
#
# torch's own layer, as it comes: it is post-LN unless you say `norm_first=True`.


# %% name="your-network-model" tags=["fragment"]
class Own(torch.nn.Module):
    def __init__(self, blocks=12, **options):
        super().__init__()
        self.embed = torch.nn.Embedding(16, 48)
        self.place = torch.nn.Parameter(torch.randn(24, 48))
        layer = torch.nn.TransformerEncoderLayer(
            48, 4, 192, dropout=0.0, batch_first=True, **options
        )
        self.blocks = torch.nn.TransformerEncoder(layer, blocks, enable_nested_tensor=False)
        self.output = torch.nn.Linear(48, 16)

    def forward(self, tokens):
        x = self.embed(tokens) + self.place[: tokens.shape[1]]
        mask = torch.nn.Transformer.generate_square_subsequent_mask(tokens.shape[1])
        return self.output(self.blocks(x, mask=mask, is_causal=True))


# %% name="your-network-code" tags=["fragment"]
torch.manual_seed(0)
model, rows = Own(), torch.Generator().manual_seed(0)
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
with gc.probe(model, optimizer) as record:
    for _ in range(61):
        optimizer.zero_grad()
        loss = copy_loss(model, batch(rows, 16))
        loss.backward()
        optimizer.step()
        record.log(loss)
gc.diagnose(record)

# %% name="your-network-picture" tags=["fragment"]
gc.depth_plot(record, healthy=10.0, verdict=gc.diagnose(record))

# %% [markdown] name="your-network-explain" tags=["continue"]
# Its first remedy is this lesson's: `Own(norm_first=True)` in the same loop is well. Try it.

# %% [markdown] name="think" tags=["slide"]
# ## Think!
#
# A colleague trains 48 pre-LN blocks and finds that blocks 30 to 48 can be cut at no loss. She concludes that
# 29 blocks are enough. **Is she right?**
#
# <details>
# <summary>A model answer</summary>
#
# She has shown that *these* blocks, trained in *this* way, do little. Two explanations fit: the task needs no
# more, or the late blocks were diluted and never got a chance: their share of the stream falls like $1/\sqrt l$,
# and their gradient with it. They make different predictions. Train 29 blocks from scratch: if the loss is the
# same, depth was not needed. Train 48 with scaled norms, or with a branch scale: if the late blocks now cost
# something when cut *and the loss is lower*, they had been diluted. A cut without retraining measures what the
# network relies on, not what it could have used. And a cut block is not a removed block: those after it still
# expect its contribution.
#
# </details>

# %% [markdown] name="notes-think" tags=["notes"]
# **Speaker notes** · 2 min
#
# The same logic as a lesion in a brain, with the same fallacy.

# %% [markdown] name="summary" tags=["slide"]
# ## Summary
#
# - A norm on the stream divides the gradient of all that lies before it; a norm in the branch does not.
# - Post-LN's last block has about √L times pre-LN's gradient (5.3 at 16 blocks), and single networks scatter.
# - Pre-LN's stream grows, so that late blocks count for little: 0.002 of loss, where the second costs 2.7.
# - A softmax saturates like a sigmoid. QK-norm bounds its logits by √d: 3.46 here, where they had grown to 1000.
# - What bounds a branch's input saves time and need not be a norm: a tanh does it, too. Without either it took
#   more than 250 updates, and less than 1250.

# %% [markdown] name="exercises" tags=["slide"]
# ## Exercises
#
# Seven questions, 9 points: [exercises/11_transformer.ipynb](../exercises/11_transformer.ipynb). Questions 1 to
# 3 belong to step 1, 4 and 5 to step 3, 6 to the streams, 7 to step 2.
#
# **Next:** lesson 12, precision, width, and the recurrent weight's return. These logits met a format with
# eight bits of precision. **What does a gradient lose in sixteen bits?**

# %% [markdown] name="sources" tags=["continue"]
# ## Sources
#
# - Vaswani et al. (2017), *Attention is all you need*, NeurIPS.
# - Xiong et al. (2020), *On layer normalization in the Transformer architecture*, ICML.
# - Liu et al. (2020), *Understanding the difficulty of training Transformers*, EMNLP: Admin.
# - Henry et al. (2020), *Query-key normalization for Transformers*, Findings of EMNLP.
# - Dong, Cordonnier & Loukas (2021), *Attention is not all you need: pure attention loses rank doubly
#   exponentially with depth*, ICML.
# - Noci et al. (2022), *Signal propagation in Transformers: theoretical perspectives and the role of rank
#   collapse*, NeurIPS.
# - Wang et al. (2022), *DeepNet: scaling Transformers to 1,000 layers*.
# - Dehghani et al. (2023), *Scaling vision Transformers to 22 billion parameters*, ICML.
# - Kalra & Barkeshli (2024), *Why warmup the learning rate? Underlying mechanisms and improvements*, NeurIPS.
# - Wortsman et al. (2024), *Small-scale proxies for large-scale Transformer training instabilities*, ICLR.
# - Zhu et al. (2024), *Hyper-connections*.
# - Zhu et al. (2025), *Transformers without normalization*, CVPR.
# - Verma (2026), *When does removing LayerNorm help?*, arXiv:2604.23434: the counter-evidence.
# - Sun et al. (2025), *The curse of depth in large language models*.
# - Kim et al. (2025), *Peri-LN: revisiting normalization layer in the Transformer architecture*, ICML.
# - Xie et al. (2025), *mHC: manifold-constrained hyper-connections*.
# - Kimi Team (2025), *Kimi K2: open agentic intelligence*: QK-clip.
