/** How a webhook's body is written: ours, or what a chat or a pager wants to read. */
export const CHANNEL_TEMPLATES = ['generic', 'slack', 'discord', 'feishu', 'dingtalk', 'wecom', 'pagerduty'] as const
export type ChannelTemplate = (typeof CHANNEL_TEMPLATES)[number]

/** A silence before, in, and after its time; ended early counts as ended. */
export const SILENCE_STATUSES = ['pending', 'active', 'ended'] as const
export type SilenceStatus = (typeof SILENCE_STATUSES)[number]
