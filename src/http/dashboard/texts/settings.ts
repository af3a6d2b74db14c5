// What each setting does, in Chinese. The English stands beside the setting: see config/variables.ts.

import type { VariableName } from "../../../config/variables.ts";

export const CHINESE_SETTINGS: Readonly<Record<VariableName, string>> = {
  FACTORY_API_KEY:
    "你的 Factory 密钥（fk-...，在 app.factory.ai/settings/api-keys 获取），只会发送给 Factory。不设置时，每个客户端需自带密钥。",
  FACTORY_API_KEYS: "同一组织的其他 Factory 密钥，用逗号分隔。某个密钥被拒绝或限流时改用其他密钥。",
  FACTORY_AI_TOKEN: "FACTORY_API_KEY 的别名；两者都设置时以 FACTORY_API_KEY 为准。",
  PROXY_API_KEY:
    "客户端使用的密钥；多个用逗号分隔，前面可以加名称：alice=secret。如果有 Factory 密钥，但这里没有客户端密钥，也没有用 `keys add` 创建过，则每次启动生成一个随机密钥并打印一次。",
  ANONYMOUS: "谁可以不带客户端密钥调用：off（任何人都不行）或 loopback（本机上的任意程序）。如果本机上有反向代理指向本服务器，请勿使用。",
  PORT: "监听端口；0 表示自动选择空闲端口。",
  HOST: "监听地址。其他机器能访问的地址必须配置客户端密钥。",
  WORKERS:
    "在 Linux 上共享该端口的进程数；auto 表示每个核心一个。它们对外是同一台服务器，密钥限制在所有进程间精确生效；MAX_BODY_MEMORY 和 INSPECT_BYTES 由各进程均分，MAX_CALLS、MAX_CALLS_PER_KEY 和 MAX_CONNECTIONS 按进程分别计算。",
  FACTORY_BASE_URL: "Factory API 的基础 URL。欧盟组织请使用 https://api.eu.factory.ai。",
  ANTHROPIC_TARGET_URL: "Messages 端点的完整 URL；不含路径时补上 /v1/messages。默认值取决于 FACTORY_BASE_URL。",
  OPENAI_TARGET_URL: "Responses 端点的完整 URL；不含路径时补上 /v1/responses。默认值取决于 FACTORY_BASE_URL。",
  CHAT_TARGET_URL: "Chat Completions 端点的完整 URL；不含路径时补上 /v1/chat/completions。默认值取决于 FACTORY_BASE_URL。",
  GEMINI_TARGET_URL: "Gemini 端点的完整 URL；不含路径时补上 /v1beta/models/{model}:generateContent。默认值取决于 FACTORY_BASE_URL。",
  BEDROCK_TARGET_URL: "/bedrock/v1/messages 对应的完整 URL。默认与 ANTHROPIC_TARGET_URL 相同。",
  SYSTEM_PROMPT: "加在客户端自身指令之前的文本。设为空值则不添加。",
  PROMPT_CACHE: "auto：客户端使用其他协议、无法自行标记时，为 agent 的提示词加上 Claude 的缓存标记；off：交由客户端处理。",
  DEFAULT_MAX_TOKENS: "客户端未发送 max_tokens 时用于 Claude 的值（Claude 要求必填）；0 表示取模型允许的最大值。",
  UPSTREAM_HEADERS: '发往 Factory 的请求中要添加或替换的请求头，写成 JSON 对象：{"x-name": "value"}。',
  CONFIG_PATH: "用于修改或新增模型的 JSON 文件路径。",
  STRICT: "1：转换会丢失内容时以 400 拒绝请求；否则在响应头中列出丢失的内容。",
  LENIENT: "1：转换本应以 400 拒绝的请求，改为修复后继续处理。",
  LOG_FORMAT: "json（每行一个 JSON 对象）、text（便于阅读）或 auto（终端上用 text，其他情况用 JSON）。",
  LOG_LEVEL: "debug（额外记录请求头和正文，密钥已隐藏）、info、warning 或 error。",
  MAX_BODY_BYTES: "请求正文的最大大小，1KiB 到 256MiB。纯数字表示字节数。",
  MAX_BODY_MEMORY:
    "所有请求正文及其处理结果同时最多占用的内存：具体大小，或占机器（或容器）内存的比例；0 表示不限。超出后较大的请求返回 503，较小的请求照常处理。",
  HEADER_TIMEOUT: "连接发送下一个请求的请求头最多可用的时间，超时即关闭；0 表示不限。Bun 对新连接给 10 到 12 秒。",
  MAX_CONNECTIONS: "Deno 上同时打开的最大连接数；0 表示不限。达到上限时关闭空闲最久的连接。Bun 没有此限制。",
  BODY_TIMEOUT: "请求正文传输过程中允许的最长停顿，也是小于 256 KiB 的正文的总时限；0 表示不限。",
  UPSTREAM_CONNECT_TIMEOUT: "最近一分钟内没有收到过 Factory 主机的响应时，等待它接受连接的最长时间；0 表示不限。",
  UPSTREAM_FIRST_BYTE_TIMEOUT: "等待 Factory 开始回答的最长时间；0 表示不限。",
  UPSTREAM_IDLE_TIMEOUT: "回答开始后允许的最长停顿；0 表示不限。",
  UPSTREAM_TOTAL_TIMEOUT: "一个完整回答的最长时间；0 表示不限。",
  RETRIES: "Factory 过载、限流或无法连接时的重试次数；0 表示不重试。",
  RETRY_BUDGET: "一次调用的所有重试合计最多可等待的时间。Factory 要求等待超过 2 秒时，交由客户端重试。",
  RETRY_LOST: "1：请求发出后连接中断时也重试。该请求可能因此被计费两次。",
  KEEP_ALIVE_INTERVAL: "流静默多久后向客户端发送保活消息；0 表示不发送。",
  KEEP_ALIVE_WHOLE: "1：非流式回答的耗时超过 KEEP_ALIVE_INTERVAL 时，先发送空白字符。此时即使调用失败，状态码也是 200。",
  MAX_CALLS: "同时进行的最大调用数；0 表示不限。",
  MAX_CALLS_PER_KEY: "同一客户端密钥同时进行的最大调用数；0 表示不限。",
  MAX_HEADER_BYTES: "一个请求的请求头总大小上限，1KiB 到 1MiB。Deno 本身最多接受 64KiB。",
  WEBSOCKET: "off：以 426 拒绝 /v1/responses 上的 WebSocket 握手，Codex 随后会改用 HTTP。",
  INSPECT:
    "页面为最近 1,000 个调用保留的内容，仅存于内存：off（不保留）、headers（隐藏密钥后的请求头、大小和时间，不含提示词和回答；每秒最多保留 50 个一次成功的调用）或 bodies（另含提示词和回答）。更改此项会清空已保留的内容。",
  INSPECT_BYTES: "INSPECT 最多占用的内存，1MiB 到 4GiB；空间不足时清除最旧的调用。",
  INSPECT_EXCEPT: "INSPECT 不保留其调用内容的客户端密钥名称，用逗号分隔。",
  LEDGER: "off：不逐条记录调用，usage 命令因此没有可报告的数据。预算照常计算。",
  LEDGER_DAYS: "调用记录保留的天数；0 表示永久保留。每日汇总始终保留。",
  CACHE_DISCOUNT: "从缓存读取的 token 少消耗多少百分比的额度点。Factory 目前未公布此数值。",
  QUOTA_INTERVAL: "有调用期间，每隔多久向 Factory 查询一次套餐剩余额度；0 表示从不查询。可用 GET /quota 和 quota 命令查看。",
  QUOTA_GUARD:
    "套餐任一时间窗口的用量达到此百分比（例如 95）后，新对话改用另一个模型（QUOTA_GUARD_MODEL），让进行中的对话得以继续；off 表示不启用。",
  QUOTA_GUARD_MODEL: "QUOTA_GUARD 改用的模型。默认是该密钥可用的第一个 Core 模型；没有可用的则拒绝调用。",
  CORS_ORIGINS: "允许调用本服务器的网页来源（任意协议），用逗号分隔，例如 http://localhost:3000,app://obsidian.md。默认不允许任何来源。",
  ALLOWED_HOSTS: "除回环地址的主机名外，本机程序在没有 PROXY_API_KEY 时调用、以及本机反向代理访问控制台时可以使用的主机名，用逗号分隔。",
  DATABASE_URL:
    "客户端密钥、限制和用量的存储位置：sqlite:（DATA_DIR 中的文件）、sqlite:<path>、postgres://<user>:<password>@<host>/<database>（可由任意多台服务器共用）或 memory:。",
  DATA_DIR:
    "服务器自身文件所在的文件夹。不设置时使用平台的数据文件夹：~/.local/share/factory-proxy、~/Library/Application Support/factory-proxy 或 %LOCALAPPDATA%\\factory-proxy。",
  STORE_DOWN: "数据库无法连接时如何处理调用：serve（已知密钥可以继续调用，按最后得知的限制执行）或 refuse（返回 503）。",
  ADMIN_KEY:
    "控制台（/ui）和管理 API 的密钥，至少 16 个字符。不能用它发起调用。在回环地址上可用 `factory-proxy ui` 免密钥进入；在其他地址上，设置此项之前没有控制台。",
  UI: "off：关闭控制台（/ui）和管理 API。",
  TRUSTED_PROXIES:
    "反向代理的地址，用逗号分隔，例如 127.0.0.1,10.0.0.0/8：控制台会采信它们在 x-forwarded-for、x-forwarded-host 和 x-forwarded-proto 中提供的访问者信息。",
  METRICS_KEY:
    "GET /metrics 的密钥，至少 16 个字符，供 Prometheus 使用；ADMIN_KEY 也可以访问。两者都不设置时，仅当服务器监听回环地址时，本机程序可以获取指标。",
  OTEL_EXPORTER_OTLP_ENDPOINT:
    "追踪和指标的发送地址（OTLP，HTTP 上的 JSON），例如 http://127.0.0.1:4318；会自动补上 /v1/traces 和 /v1/metrics。不设置则不发送任何数据。",
  OTEL_EXPORTER_OTLP_HEADERS: "发送时附带的请求头：name=value，用逗号分隔，使用 % 转义。",
  OTEL_SERVICE_NAME: "追踪和指标所属的服务名称。",
  OTEL_RESOURCE_ATTRIBUTES: "附加的资源属性：deployment.environment.name=test，用逗号分隔。",
  OTEL_TRACES_SAMPLER:
    "追踪哪些调用：always_on、always_off、traceidratio，或在三者之一前加 parentbased_，表示客户端发送 traceparent 时遵从客户端的决定。",
  OTEL_TRACES_SAMPLER_ARG: "traceidratio 追踪的调用比例，0 到 1。",
  OTEL_METRIC_EXPORT_INTERVAL: "两次上报指标之间的毫秒数。",
  OTEL_GENAI:
    "模型相关指标的命名：latest（gen_ai.client.inference.*）、1.41（gen_ai.client.operation.* 和 gen_ai.client.token.usage，多数工具的图表使用它）或 both（两者都用）。",
  SHUTDOWN_TIMEOUT: "收到停止信号后，进行中的回答还可以继续的时间；0 表示立即结束。",
};
