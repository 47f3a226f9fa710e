"""What the page Learn says, in the visitor's language."""

from __future__ import annotations

from sk_viz.app.learn.text import Question, Step, Text
from sk_viz.language import gettext as _


def text() -> Text:
    """All of the page."""
    return Text(
        question=_("How does one unit work?"),
        unit=_("Unit"),
        channel=_("Channel"),
        scale=_("Scale"),
        back=_("Back"),
        forth=_("Next"),
        row=_("Row"),
        column=_("Column"),
        place=_("The marked place"),
        push=_("Push the logit of {pushed}"),
        push_which=_("Which logit"),
        reset=_("Reset"),
        pushed=_(
            "Pushed by {push}: weights {weights} → **{weights_pushed}**; V at the marked place "
            "{v} → **{v_pushed}**; mean of V {v_mean} → **{v_mean_pushed}**. Nothing before the "
            "softmax changes, so this needs no new run of the network."
        ),
        joined=_(" and "),
        steps={
            "input": Step(
                _("Input"),
                _(
                    "The network is shown the picture at {side} × {side} pixels. {before} units "
                    "come before **{unit}**. Its input is X: **{entering} channels of "
                    "{in_height} × {in_width}** numbers. All branches of the unit read this same "
                    "X."
                ),
                (_("What the network is shown"), _("X, the mean of its {entering} channels")),
            ),
            "split": Step(
                _("Split"),
                _(
                    "Each branch reads X with its own kernel: {kernels}. But a {largest} here "
                    "does not have {dense} entries: it is a **dilated 3 × 3**, which looks at "
                    "{taps} places, {dilation} apart, and at none between them. The squares show "
                    "what each branch reads for the marked place."
                ),
                (_("Where the branches look, on X"), _("Channel {channel} of the {kernel} branch")),
            ),
            "fuse": Step(
                _("Fuse"),
                _(
                    "The branches are added: U. The **mean over all places** leaves one number "
                    "per channel, s. It keeps how much there was and forgets where. W squeezes "
                    "the {channels} numbers to {d}, called z; batch norm and ReLU silence some: "
                    "**{alive} of {d}** speak for this picture."
                ),
                (
                    _("U, channel {channel}"),
                    _("s, the mean of each channel"),
                    _("z, the compact feature"),
                ),
            ),
            "select": Step(
                _("Select"),
                _(
                    "Each branch has a row of numbers for channel {channel}. The row times z is "
                    "the branch's **logit**; the softmax over the branches turns logits into "
                    "**weights that sum to 1**. Every channel chooses for itself. Push a logit and "
                    "see what follows."
                ),
                (
                    _("How z votes: {largest} or {smallest}"),
                    _("Channel {channel}, logit pushed"),
                    _("Weights of all channels"),
                ),
            ),
            "sum": Step(
                _("Sum"),
                _(
                    "V is the sum of the branches, each times its weight. Channel {channel} "
                    "takes {shares}, **at all places alike**. V goes on to a 1 × 1 convolution "
                    "and the next unit. With other logits V would differ: push one and see."
                ),
                (
                    _("{weight} × the {kernel} branch"),
                    _("V, channel {channel}"),
                    _("Change of V: green more"),
                ),
            ),
        },
        colours=_(
            "In the coloured maps faint is 0 and full colour {limit}; the frame marks the place "
            "whose numbers stand in the equations."
        ),
        axes={
            "channel": _("channel"),
            "mean": _("s"),
            "entry": _("entry of z"),
            "z": _("z"),
            "vote": _("to the logit difference"),
            "weight": _("weight"),
            "push": _("added to the logit of {pushed}"),
        },
        tabs=(_("Five questions"), _("The plain variant"), _("Glossary")),
        variant=_(
            "The note this project began with (by pprp, after pppLang/SKNet) builds the "
            "unit differently from the paper: **real kernels** of {kernels} where the "
            "paper dilates a 3 × 3; **no batch norm and no ReLU on z**, so z may be "
            "below 0 and every entry always speaks; and **biases everywhere**, so that a "
            "branch may be preferred whatever the picture shows. The same in both: add "
            "before pooling, squeeze to d = {d}, softmax over the branches. For {unit} "
            "the variant has **{variant_more}** parameters of what the paper's unit has, "
            "most of them in the {largest} kernel."
        ),
        variant_parts=(
            _("{kernel} branch"),
            _("W: s to z"),
            _("A, B: z to logits"),
            _("Whole unit"),
        ),
        variant_columns=(_("Parameters of {unit}"), _("the paper's"), _("plain variant")),
        show=_("Show it above"),
        questions=(
            Question(
                _(
                    "What sums to 1: one channel's weights over the branches, or one branch's over "
                    "the channels?"
                ),
                _(
                    "**Over the branches.** Channel {channel}: {weights_added}. Over the "
                    "{channels} channels the weights of {largest} sum to {over_channels}, which "
                    "means nothing."
                ),
            ),
            Question(
                _("All logits of a channel rise by 3. What happens to its weights?"),
                _(
                    "**Nothing.** The softmax knows only differences. Channel {channel}: {weights} "
                    "before, {weights_lifted} after. Push one logit alone by 3 and they become "
                    "{weights_by_3}."
                ),
            ),
            Question(
                _("How many places of X does the {largest} branch read for one place of its map?"),
                _(
                    "**{taps}**, as many as the {smallest} branch, only further apart. So the two "
                    "have {count_smallest} and {count_largest} parameters; a real {largest} kernel "
                    "would need {count_dense}."
                ),
            ),
            Question(
                _("The places of U are shuffled like a jigsaw. What happens to the weights?"),
                _(
                    "**Nothing.** s is a mean over all places. Shuffled now: no number of s "
                    "changes by more than {shuffled} (rounding), so z and all weights stay. The "
                    "choice knows how much there is, and not where."
                ),
            ),
            Question(
                _(
                    "Channel {strong} gives {strong_kernel} the weight {strong_weight}. Is it an "
                    "important channel?"
                ),
                _(
                    "**The weight does not say so.** It is a choice between branches, not a "
                    "strength; that would be SENet. Channel {strong} is the most decided here, and "
                    "its V has the mean {strong_mean}: place {strong_rank} of {channels}. The "
                    "loudest is channel {loud} ({loud_mean}), whose weights are {loud_weights}."
                ),
            ),
        ),
        glossary=(
            (
                _("unit"),
                _("one selective kernel convolution, named SK_stage_block as in the paper"),
            ),
            (_("branch"), _("one convolution path of a unit")),
            (_("kernel"), _("the extent of a branch's convolution, such as 5 × 5")),
            (
                _("dilation"),
                _("the distance between the entries of a kernel; a 3 × 3 with 2 extends 5 × 5"),
            ),
            (_("channel"), _("one of the maps that a convolution makes; each has its own weights")),
            (_("logit"), _("a number before the softmax, of any size and sign")),
            (
                _("softmax"),
                _("turns logits into shares that sum to 1: e to the logit, over the sum of all"),
            ),
            (
                _("branch weight"),
                _("the share that a channel gives a branch; the paper's attention"),
            ),
            (
                _("difference"),
                _(
                    "mean over the channels of the weight of the largest kernel minus that of the "
                    "smallest"
                ),
            ),
            (_("s"), _("the mean of each channel of U over all places")),
            (_("z, d, r"), _("s squeezed to d = max(C / r, 32) numbers; r is the reduction")),
            (_("scale, protocol"), _("how much, and in what manner, the picture is enlarged")),
        ),
        other_model=_("Walk sknet_tiny instead"),
    )
