"""The page Learn in English."""

from __future__ import annotations

from sk_viz.app.learn.text import Question, Step, Text

ENGLISH = Text(
    question="How does one unit work?",
    unit="Unit",
    channel="Channel",
    scale="Scale",
    back="Back",
    forth="Next",
    row="Row",
    column="Column",
    place="The marked place",
    push="Push the logit of {pushed}",
    push_which="Which logit",
    reset="Take it back",
    pushed="Pushed by {push}: weights {weights} → **{weights_pushed}**; V at the marked place "
    "{v} → **{v_pushed}**; mean of V {v_mean} → **{v_mean_pushed}**. Nothing before the softmax "
    "changes, so this needs no new run of the network.",
    joined=" and ",
    steps={
        "input": Step(
            "Input",
            "The network is shown the picture at {side} × {side}. {before} units come before "
            "**{unit}**. What reaches it is X: **{entering} channels of {in_height} × "
            "{in_width}** numbers. All branches of the unit read this same X.",
            ("What the network is shown", "X, the mean of its {entering} channels"),
        ),
        "split": Step(
            "Split",
            "Each branch reads X with its own kernel: {kernels}. But a {largest} here has not "
            "{dense} entries: it is a **3 × 3 pulled apart** (dilated), which looks at {taps} "
            "places, {dilation} apart, and at none between them. The squares are what each branch "
            "reads for the marked place.",
            ("Where the branches look, on X", "Channel {channel} of the {kernel} branch"),
        ),
        "fuse": Step(
            "Fuse",
            "The branches are added: U. The **mean over all places** leaves one number a channel, "
            "s. It keeps how much there was and forgets where. W squeezes the {channels} numbers "
            "to {d}, called z; batch norm and ReLU silence some: **{alive} of {d}** speak for "
            "this picture.",
            ("U, channel {channel}", "s, the mean of each channel", "z, the compact feature"),
        ),
        "select": Step(
            "Select",
            "Each branch has a row of numbers for channel {channel}. The row times z is the "
            "branch's **logit**; the softmax over the branches turns logits into **weights that "
            "sum to 1**. Every channel chooses for itself. Push a logit and see what follows.",
            (
                "How z votes: {largest} or {smallest}",
                "Channel {channel}, logit pushed",
                "Weights of all channels",
            ),
        ),
        "sum": Step(
            "Sum",
            "V is the sum of the branches, each times its weight. Channel {channel} takes "
            "{shares}, **at all places alike**. V goes on to a 1 × 1 convolution and the next "
            "unit. Had the logits been others, V would be too: push one.",
            ("{weight} × the {kernel} branch", "V, channel {channel}", "Change of V: green more"),
        ),
    },
    colours="In the coloured maps faint is 0 and full colour {limit}; the frame marks the place "
    "whose numbers stand in the equations.",
    axes={
        "channel": "channel",
        "mean": "s",
        "entry": "entry of z",
        "z": "z",
        "vote": "to the logit difference",
        "weight": "weight",
        "push": "added to the logit of {pushed}",
    },
    tabs=("Five questions", "The plain variant", "Glossary"),
    variant="The note this project began with (by pprp, after pppLang/SKNet) builds the unit "
    "otherwise than the paper: **real kernels** of {kernels} where the paper dilates a 3 × 3; "
    "**no batch norm and no ReLU on z**, so z may be below 0 and every entry always speaks; and "
    "**biases everywhere**, so that a branch may be preferred whatever the picture shows. The "
    "same in both: add before pooling, squeeze to d = {d}, softmax over the branches. For "
    "{unit} the variant has **{variant_more}** parameters of what the paper's unit has, most of "
    "them in the {largest} kernel.",
    variant_parts=("{kernel} branch", "W: s to z", "A, B: z to logits", "Whole unit"),
    variant_columns=("Parameters of {unit}", "the paper's", "plain variant"),
    show="Show it above",
    questions=(
        Question(
            "What sums to 1: one channel's weights over the branches, or one branch's over the "
            "channels?",
            "**Over the branches.** Channel {channel}: {weights_added}. Over the {channels} "
            "channels the weights of {largest} sum to {over_channels}, which means nothing.",
        ),
        Question(
            "All logits of a channel rise by 3. What becomes of its weights?",
            "**Nothing.** The softmax knows only differences. Channel {channel}: {weights} before, "
            "{weights_lifted} after. Push one logit alone by 3 and they become {weights_by_3}.",
        ),
        Question(
            "How many places of X does the {largest} branch read for one place of its map?",
            "**{taps}**, as many as the {smallest} branch, only further apart. So the two have "
            "{count_smallest} and {count_largest} parameters; a real {largest} kernel would "
            "need {count_dense}.",
        ),
        Question(
            "The places of U are shuffled like a jigsaw. What becomes of the weights?",
            "**Nothing.** s is a mean over all places. Shuffled now: no number of s changes by "
            "more than {shuffled} (rounding), so z and all weights stay. The choice knows how "
            "much there is, and not where.",
        ),
        Question(
            "Channel {strong} gives {strong_kernel} the weight {strong_weight}. Is it an important "
            "channel?",
            "**The weight does not say so.** It is a choice between branches, not a strength; that "
            "would be SENet. Channel {strong} is the most decided here, and its V has the mean "
            "{strong_mean}: place {strong_rank} of {channels}. The loudest is channel {loud} "
            "({loud_mean}), whose weights are {loud_weights}.",
        ),
    ),
    glossary=(
        ("unit", "one selective kernel convolution, named SK_stage_block as in the paper"),
        ("branch", "one convolution path of a unit"),
        ("kernel", "the extent of a branch's convolution, such as 5 × 5"),
        ("dilation", "the distance between the entries of a kernel; a 3 × 3 with 2 extends 5 × 5"),
        ("channel", "one of the maps that a convolution makes; each has its own weights"),
        ("logit", "a number before the softmax, of any size and sign"),
        ("softmax", "turns logits into shares that sum to 1: e to the logit, over the sum of all"),
        ("branch weight", "the share that a channel gives a branch; the paper's attention"),
        (
            "difference",
            "mean over the channels of the weight of the largest kernel minus that of the smallest",
        ),
        ("s", "the mean of each channel of U over all places"),
        ("z, d, r", "s squeezed to d = max(C / r, 32) numbers; r is the reduction"),
        ("scale, protocol", "how much, and in what manner, the picture is enlarged"),
    ),
    other_model="Walk sknet_tiny instead",
)
