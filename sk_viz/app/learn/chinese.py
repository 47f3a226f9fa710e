"""The page Learn in Chinese."""

# A Chinese character counts as two columns.
# ruff: noqa: E501

from __future__ import annotations

from sk_viz.app.learn.text import Question, Step, Text

CHINESE = Text(
    question="一个单元是怎样工作的？",
    unit="单元",
    channel="通道",
    scale="尺度",
    back="上一步",
    forth="下一步",
    row="行",
    column="列",
    place="标记的位置",
    push="推动 {pushed} 的 logit",
    push_which="推动哪一个 logit",
    reset="撤回",
    pushed="推动 {push}：权重 {weights} → **{weights_pushed}**；标记位置的 V {v} → **{v_pushed}**；"
    "V 的平均值 {v_mean} → **{v_mean_pushed}**。softmax 之前的一切都不变，所以不必重新运行网络。",
    joined=" 和 ",
    steps={
        "input": Step(
            "输入",
            "网络看到的是 {side} × {side} 的图片。**{unit}** 之前有 {before} 个单元。到达这里的是 X："
            "**{entering} 个通道，每个 {in_height} × {in_width}** 个数。单元的所有分支读的是同一个 X。",
            ("网络看到的图片", "X：{entering} 个通道的平均"),
        ),
        "split": Step(
            "Split（分离）",
            "每个分支用自己的卷积核读 X：{kernels}。不过这里的 {largest} 并没有 {dense} 个元素：它是一个"
            "**被拉开的 3 × 3**（空洞卷积），只看 {taps} 个位置，彼此相隔 {dilation}，中间的都不看。"
            "方块就是每个分支为标记的位置所读的地方。",
            ("各分支看的地方（X 上）", "{kernel} 分支的通道 {channel}"),
        ),
        "fuse": Step(
            "Fuse（融合）",
            "各分支相加得到 U。对**所有位置取平均**，每个通道只剩一个数 s：保留“有多少”，忘掉“在哪里”。"
            "W 把 {channels} 个数压缩成 {d} 个，叫做 z；批归一化和 ReLU 使其中一些沉默："
            "对这张图片，**{d} 个中有 {alive} 个**在说话。",
            ("U，通道 {channel}", "s：每个通道的平均值", "z：紧凑特征"),
        ),
        "select": Step(
            "Select（选择）",
            "对通道 {channel}，每个分支有一行数。这一行乘以 z 就是该分支的 **logit**；对各分支做 softmax，"
            "logit 就变成**和为 1 的权重**。每个通道各自选择。推动一个 logit，看看会怎样。",
            (
                "z 怎样投票：{largest} 还是 {smallest}",
                "推动通道 {channel} 的 logit",
                "所有通道的权重",
            ),
        ),
        "sum": Step(
            "加权求和",
            "V 是各分支乘以自己的权重之后的和。通道 {channel} 取 {shares}，**所有位置都一样**。V 再进入 "
            "1 × 1 卷积和下一个单元。假如 logit 不同，V 也会不同：推一推看。",
            ("{weight} × {kernel} 分支", "V，通道 {channel}", "V 的变化：绿色为增"),
        ),
    },
    colours="在彩色图中，最淡是 0，最深是 {limit}；方框标出等式中所用的位置。",
    axes={
        "channel": "通道",
        "mean": "s",
        "entry": "z 的分量",
        "z": "z",
        "vote": "对 logit 之差的贡献",
        "weight": "权重",
        "push": "加在 {pushed} 的 logit 上",
    },
    tabs=("五个问题", "朴素版本", "词汇表"),
    variant="本项目最初的笔记（作者 pprp，源自 pppLang/SKNet）对单元的写法与论文不同：论文用空洞的 3 × 3，"
    "它用**真正的** {kernels} **卷积核**；**z 上没有批归一化和 ReLU**，所以 z 可以小于 0，每个分量总在说话；"
    "**处处有偏置**，所以无论图片是什么，某个分支都可能被偏爱。两者相同的是：先相加再池化，压缩到 "
    "d = {d}，对各分支做 softmax。就 {unit} 而言，朴素版本的参数量是论文单元的 **{variant_more}**，"
    "多出的大部分在 {largest} 卷积核里。",
    variant_parts=("{kernel} 分支", "W：从 s 到 z", "A、B：从 z 到 logit", "整个单元"),
    variant_columns=("{unit} 的参数", "论文", "朴素版本"),
    show="在上面演示",
    questions=(
        Question(
            "什么的和是 1：一个通道在各分支上的权重，还是一个分支在各通道上的权重？",
            "**各分支上的权重**。通道 {channel}：{weights_added}。而 {largest} 的权重对 {channels} "
            "个通道求和是 {over_channels}，这个数没有意义。",
        ),
        Question(
            "一个通道的所有 logit 都增加 3，权重会怎样？",
            "**不变**。softmax 只认差值。通道 {channel}：之前 {weights}，之后 {weights_lifted}。"
            "只把一个 logit 推动 3，就变成 {weights_by_3}。",
        ),
        Question(
            "{largest} 分支为输出的一个位置要读 X 的多少个位置？",
            "**{taps} 个**，和 {smallest} 分支一样多，只是隔得更远。所以两者的参数是 {count_smallest} 和 "
            "{count_largest}；真正的 {largest} 卷积核需要 {count_dense}。",
        ),
        Question(
            "把 U 的各个位置像拼图一样打乱，权重会怎样？",
            "**不变**。s 是所有位置的平均。现在打乱一次：s 的任何一个数的变化都不超过 {shuffled}"
            "（舍入误差），所以 z 和所有权重都不变。选择知道有多少，不知道在哪里。",
        ),
        Question(
            "通道 {strong} 给 {strong_kernel} 的权重是 {strong_weight}。它是重要的通道吗？",
            "**权重并不说明这一点**。它是分支之间的选择，不是强度（那是 SENet）。通道 {strong} 在这里最为果断，"
            "它的 V 平均值是 {strong_mean}，在 {channels} 个通道中排第 {strong_rank}。最响亮的是通道 {loud}"
            "（{loud_mean}），它的权重是 {loud_weights}。",
        ),
    ),
    glossary=(
        ("单元 unit", "一个选择性卷积核卷积，按论文命名为 SK_阶段_块"),
        ("分支 branch", "单元中的一条卷积通路"),
        ("卷积核 kernel", "一个分支的卷积的范围，例如 5 × 5"),
        ("空洞 dilation", "卷积核元素之间的距离；距离为 2 的 3 × 3 覆盖 5 × 5"),
        ("通道 channel", "卷积产生的一张特征图；每个通道有自己的权重"),
        ("logit", "进入 softmax 之前的数，大小和正负任意"),
        ("softmax", "把 logit 变成和为 1 的份额：e 的 logit 次方，除以它们的总和"),
        ("分支权重 branch weight", "一个通道给一个分支的份额；论文称为注意力"),
        ("差值 difference", "最大卷积核的权重减去最小卷积核的权重，对通道取平均"),
        ("s", "U 的每个通道对所有位置的平均"),
        ("z、d、r", "s 压缩成 d = max(C / r, 32) 个数；r 是压缩比"),
        ("尺度 scale、协议 protocol", "图片放大多少，以及怎样放大"),
    ),
    other_model="改为走 sknet_tiny",
)
