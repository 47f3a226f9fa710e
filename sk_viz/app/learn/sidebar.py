"""What all pages share, in Chinese: the sidebar, and the line on the model and the picture."""

# A Chinese character counts as two columns.
# ruff: noqa: E501

from __future__ import annotations

from sk_viz.app.shared import checkpoint, controls, identity
from sk_viz.app.shared.say import Say, english
from sk_viz.zoo.catalogue import SPLIT_NOTE, UNTRAINED_NOTE

_CONTROLS = {
    "Picture": "图片",
    "Sample": "示例",
    "Upload": "上传",
    "Paste": "粘贴",
    "Camera": "拍照",
    "Your picture": "你的图片",
    "Paste, then Enter": "粘贴后按回车",
    "This link is about somebody's own picture: give it here to see the same view.": "这个链接说的是别人自己的图片：把它放到这里，才能看到同样的画面。",
    "Point of zoom": "放大的中心",
    "Place": "位置",
    "Protocol": "缩放方式",
    "zoom": "放大",
    "blur": "模糊",
    "resolution": "分辨率",
    "object": "物体",
    controls.PROTOCOL_HELP: """图片怎样缩放。

- **放大 zoom**：从原图中剪出中间部分，充满输入（论文的做法）
- **模糊 blur**：只去掉这样放大时会失去的细节，大小不变
- **分辨率 resolution**：整张图片，输入更小或更大
- **物体 object**：剪下的物体，在背景上画得更小或更大
""",
    "Background": "背景",
    "Plain": "纯色",
    "Range of scales": "尺度的范围",
    "Number of scales": "尺度的个数",
    "Model": "模型",
    "Device": "设备",
    "auto": "自动",
    "Open a checkpoint": "打开权重文件",
    "Weights of an SK network": "SK 网络的权重",
    checkpoint.HELP: "由本项目、timm、pytorchcv 或 syt2/SKNet 保存的 SKNet。会运行代码的文件不予打开。",
    "somebody's own checkpoint": "别人自己的权重文件",
}
_MODELS = {
    "bundled": "自带",
    "pretrained": "已训练",
    "untrained": "未训练",
    "checkpoint": "权重文件",
    "given": "外来",
    "split halves": "各看一半",
    "dead unit": "个失效单元",
    "dead units": "个失效单元",
    identity.SHOWN: "输入 {side} × {side}，在 {device} 上。图片：{name}，{width} × {height}。",
}
_SAMPLES = {
    "Cup of coffee": "一杯咖啡",
    "Red panda": "小熊猫",
    "Koala": "考拉",
    "Giant panda": "大熊猫",
    "Hedgehog": "刺猬",
    "Ginger kitten": "橘色小猫",
    "Fig in a red bowl": "红碗里的无花果",
    "Saltwater crocodile": "湾鳄",
    "Eastern grey kangaroo with young": "东部灰大袋鼠和幼崽",
    "Hills in autumn": "秋天的山丘",
    "Mountain path": "山路",
    "Stream in a forest": "林中小溪",
    "Elephant": "大象",
    "Pigeon": "鸽子",
    "King penguin": "王企鹅",
    "Flamingo": "火烈鸟",
    "Lemon": "柠檬",
    "Basketball": "篮球",
    "Orange": "橙子",
    "Stop sign": "停车标志",
    "Menorah": "犹太烛台",
    "Candle": "蜡烛",
    "Kangaroo": "袋鼠",
    "Camel": "骆驼",
    "Rooster": "公鸡",
    "Soccer ball": "足球",
    "Dromedary": "单峰骆驼",
    "Junk": "中式帆船",
}
# The sentences that a model's note is made of.
_NOTES = {
    "Trained by this project; its card says on what, and what it can't do.": "由本项目训练；用什么训练、做不到什么，见模型卡。",
    "Trained on ImageNet-1k by timm.": "由 timm 在 ImageNet-1k 上训练。",
    UNTRAINED_NOTE: "未训练：权重是随机的，只用来看结构。",
    SPLIT_NOTE: "不是论文的单元：每个分支只看到输入通道的一半，所以权重既在卷积核之间选择，也在输入之间选择。",
}
_WORDS = _SAMPLES | _CONTROLS | _MODELS


def chinese(words: str) -> str:
    """In Chinese; names, and what is not known here, as they are."""
    if words in _WORDS:
        return _WORDS[words]
    for sentence, said in _NOTES.items():
        words = words.replace(sentence, said)
    return words


SAY: dict[str, Say] = {"en": english, "zh": chinese}
