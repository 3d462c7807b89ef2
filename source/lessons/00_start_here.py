# %% [markdown] name="title" tags=["slide"]
# # 00 · Start here
#
# **In a quarter of an hour you will have checked this machine, moved a live figure, been wrong on
# purpose, and seen the picture that carries the whole course.**
#
# *15 minutes. You need a little Python. The course asks for calculus (the chain rule), matrices and a
# little PyTorch; each lesson says what else it needs.*

# %% name="import" tags=["continue"]
import gradcourse as gc
import torch

# %% [markdown] name="how-to-run" tags=["continue"]
# Press **Shift+Enter** to run a cell and move to the next. That is all the JupyterLab you need.
# This page is your own copy: write in it, change it, run it as often as you like. What we measured is
# not in it, so that your predictions are predictions. (On the web, the pages show the outputs of our
# run.)

# %% [markdown] name="notes-open" tags=["notes"]
# **Speaker notes** · 1 min
#
# Ask everybody to open this page now. Whoever's JupyterLab does not start
# runs `gradcourse doctor` in a terminal while you go on.

# %% [markdown] name="doctor-intro" tags=["slide"]
# ## Is this machine ready?
#
# `gc.doctor()` looks at everything the course needs. It also computes one gradient in two ways and
# compares them. A ✗ comes with what to do about it.

# %% name="doctor" tags=["fragment"]
gc.doctor()

# %% [markdown] name="how-a-lesson-works" tags=["slide"]
# ## How a lesson works
#
# A lesson has three or four steps, and most steps have four parts:
#
# 1. **Predict.** Commit to a number. The answer opens only then.
# 2. **Drag.** Move one knob and watch one thing.
# 3. **Measure.** Run a short cell on a real network.
# 4. **Explain.** A few lines of maths that end in the number you just measured.
#
# Here is one step, small.

# %% [markdown] name="predict-intro" tags=["subslide"]
# ### Predict
#
# Backpropagation multiplies one factor per layer. Take fifty layers, and let each factor be one
# half. How large is the product? Do not compute it: guess, then lock your guess in.

# %% name="predict" tags=["fragment"]
gc.panel("start/first-prediction")

# %% [markdown] name="drag-intro" tags=["subslide"]
# ### Drag
#
# At *r* = 1 nothing is lost. Move the factor *r* a little to the left, and a little to the right.
# Look at the right end of the line: how far do you have to move *r* for it to leave the shaded
# band?

# %% name="drag" tags=["fragment"]
gc.demo("start/first-slider")

# %% [markdown] name="measure-intro" tags=["subslide"]
# ### Measure
#
# First the plain product, then a real network of ten sigmoid layers and an output layer. `gc.probe`
# watches it, and writes down the size of the gradient that arrives at each layer's output, ‖∂ℒ/∂output‖.
# Is the line straight?

# %% name="measure-product" tags=["fragment", "nbval-check-output"]
product = 1.0
for _layer in range(50):
    product = 0.5 * product
print(f"0.5 multiplied fifty times: {product:.1e}")

# %% name="measure-network" tags=["fragment"]
digits = gc.digits()
network = gc.mlp(depth=10, activation="sigmoid")
with gc.probe(network) as record:
    loss = torch.nn.functional.cross_entropy(network(digits.x_train[:128]), digits.y_train[:128])
    loss.backward()
gc.depth_plot(record)

# %% [markdown] name="explain" tags=["subslide"]
# ### Explain
#
# A product of $L$ equal factors is a straight line on a log axis:
#
# $$\log_{10} r^L = L \log_{10} r, \qquad 50 \log_{10} \tfrac12 = -15.05,$$
#
# so the product is $10^{-15.05} \approx 9 \times 10^{-16}$, the number you measured. And a factor of 0.95
# or 1.05 is far enough from 1 to leave the band: $0.95^{50} = 0.08$, $1.05^{50} = 11$.
#
# The real network's gradient falls along a straight line, too. Read its picture from right to left: the
# gradient enters at the last layer and travels back to layer 1. Its factor per layer stands above the
# line, 0.24, and nobody chose it. Lesson 01 begins with the question where such a factor comes from.

# %% [markdown] name="folded-and-votes" tags=["subslide"]
# ### What else a lesson has
#
# - **Deeper steps** are folded: you see a heading that begins with "Deeper" and one sentence. Click the
#   arrow, or press Shift+Enter, to open one; ↓ goes past. Nothing after it needs it, nor do the exercises.
# - **Claims on trial** are sentences that people have published. You **vote** before the measurement:
#   does it hold, hold only under a condition, or fail? A vote costs no points.
# - **Think!** is an open question. Its model answer is folded below it.

# %% [markdown] name="notes-round" tags=["notes"]
# **Speaker notes** · 4 min
#
# Collect guesses for the product in the hall before anybody locks one in. Expect them far too large:
# six halvings, as many as one does in one's head, are only 0.016. Say: *straight on a log axis* is the
# sentence of the day. If the figure does not move, the kernel is still busy.

# %% [markdown] name="wrong-on-purpose" tags=["slide"]
# ## Be wrong on purpose
#
# An exercise asks you for a function and tests it on fresh random numbers. It does not only say
# *wrong*: when it recognizes what you did, it says so. This function is wrong. Run the cell, read
# the message, then correct the function and run it again.


# %% name="wrong-answer" tags=["fragment", "nbval-check-output"]
def gradient_after(r, L):
    """Gradient after L layers that each multiply it by r."""
    return 1 - L * (1 - r)


gc.check("start/gradient-after", gradient_after)

# %% [markdown] name="notes-wrong" tags=["notes"]
# **Speaker notes** · 2 min
#
# Let the hall say what is wrong before you run the cell. The function subtracts a share of the
# first value at every layer, as simple interest does; the layers compound.

# %% [markdown] name="progress-intro" tags=["slide"]
# ## Where your progress is kept
#
# In one file on this machine; nothing is sent anywhere. `gc.doctor()` says where the file is. Delete it
# to start afresh. `gradcourse progress` prints the same table in a terminal.

# %% name="progress" tags=["fragment"]
gc.progress()

# %% [markdown] name="map" tags=["slide"]
# ## The map
#
# | | lesson | its question | exercises |
# |---|---|---|---|
# | 01 | [Products of the chain rule](01_products_of_the_chain_rule.ipynb) | what does a long product do? | [01](../exercises/01_chain_rule.ipynb) |
# | 02 | [Saturation](02_saturation.ipynb) | where do the small factors come from? | [02](../exercises/02_saturation.ipynb) |
# | 03 | [The recurrent weight](03_the_recurrent_weight.ipynb) | what if every factor is the same matrix? | [03](../exercises/03_recurrent.ipynb) |
# | 04 | [ReLU and its kin](04_relu_and_its_kin.ipynb) | does a slope of one cure it? | [04](../exercises/04_relu.ipynb) |
# | 05 | [Initialization](05_initialization.ipynb) | which weights keep the size? | [05](../exercises/05_initialization.ipynb) |
# | 06 | [Batch normalization](06_batch_normalization.ipynb) | can a layer keep it by force? | [06](../exercises/06_batch_norm.ipynb) |
# | 07 | [Residual networks](07_residual_networks.ipynb) | what if the factor is *one plus* something? | [07](../exercises/07_residual.ipynb) |
# | 08 | [LSTM and GRU](08_lstm_and_gru.ipynb) | the same, through time | [08](../exercises/08_lstm.ipynb) |
# | 09 | [Clipping and weight regularization](09_clipping_and_regularization.ipynb) | what helps when it explodes all the same? | [09](../exercises/09_clipping.ipynb) |
# | 10 | [Diagnosis and the emergency room](10_diagnosis_and_the_emergency_room.ipynb) | which disease does *your* network have? | [10](../exercises/10_diagnosis.ipynb) |
# | 11 | [Depth today: the Transformer](11_depth_today_the_transformer.ipynb) | skips and norms throughout: is anything left? | [11](../exercises/11_transformer.ipynb) |
# | 12 | [Precision, width, and the recurrent weight's return](12_precision_width_and_the_recurrent_weight.ipynb) | what do sixteen bits and a wider net change? | [12](../exercises/12_precision.ipynb) |
# | 13 | [Claims on trial](13_claims_on_trial.ipynb) | what the web says, measured |  |
#
# [Home](../course-home.md) is this map with how far you are, and with your predictions beside what was
# measured.

# %% [markdown] name="letters" tags=["subslide"]
# ### Letters
#
# Each letter is defined where a lesson first uses it, and [Home](../course-home.md) lists them all.
#
# <details>
# <summary>The letters of the course, each with its lesson</summary>
#
# - $L$: depth: the number of layers; layer 1 is nearest the input (00)
# - $r$: the factor that one layer puts on a gradient (00)
# - $h$: what enters a layer; in a recurrent network, its state (01)
# - $W$: a matrix of weights (01)
# - $z$: pre-activation: $z = W h + b$ (01)
# - $\mathcal{L}$: the loss (01)
# - $\delta_l$: the gradient that arrives at layer $l$: $\partial\mathcal{L}/\partial z_l$ (01)
# - $\sigma_i$: the $i$-th singular value of a product; $\sigma_{\max}$ is the largest (01)
# - $\lambda_1$: the largest Lyapunov exponent: mean growth per layer, as a log (01)
# - $\eta$: the learning rate (01)
# - $\varphi$: the activation function (02)
# - $a$: activation: $a = \varphi(z)$ (in lesson 04: the slope on the left) (02)
# - $\sigma(z)$: the sigmoid (02)
# - $\sigma_w$: size of the weights: their standard deviation is $\sigma_w/\sqrt{n}$, with $n$ inputs (02)
# - $\chi$: the factor that a layer puts on the mean square of $\delta$ (02)
# - $x_t$: the input at step $t$ of a sequence (03)
# - $T$: the last step; $T - t$ is the lag (03)
# - $U$: the matrix that reads the input of a step (03)
# - $\rho(W)$: the spectral radius: the largest |eigenvalue| (03)
# - $\gamma$: the largest slope of the activation (1 for tanh, ¼ for the sigmoid) (03)
# - $\sigma_b$: the standard deviation of the biases (05)
# - $q^*$: the variance at which $z$ settles with depth (05)
# - $\xi$: depth scale: over $\xi$ layers a gradient changes by a factor of e (05)
# - $B$: the number of images in a batch (06)
# - $u$: what a layer computes before batch normalization (06)
# - $\alpha$: branch scale: what the branch of a residual block is multiplied by (07)
# - $F_l$: the branch of residual block $l$ (07)
# - $J_l$: the Jacobian of a branch (07)
# - $c$: the cell of an LSTM; in lesson 09, the threshold of clipping (08)
# - $f_t$: the forget gate of an LSTM, how much is kept; $i_t$ writes, $o_t$ shows (08)
# - $\odot$: multiplies unit by unit (08)
# - $g$: the gradient of a whole network as one vector (09)
# - $\Omega$: Pascanu's penalty on gradients that vanish (09)
#
# </details>

# %% [markdown] name="summary" tags=["slide"]
# ## Summary
#
# - Predict, drag, measure, explain: in this order. Vote before a claim is measured.
# - A product of equal factors is a straight line on a log axis.
# - The course's picture is the gradient's size against depth, and you have seen it.
#
# **Next:** [01 · Products of the chain rule](01_products_of_the_chain_rule.ipynb).
