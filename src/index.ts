export { createHeadrace, type Headrace, type Outside, type StreamRequest } from "./headrace.ts";
export { defineConfig, type Config, type ConfigInput } from "./config.ts";
export { serve, type RunningServer, type ServeOptions } from "./runtimes/node.ts";
export type { AnswerStream, AnswerToolCall, FinalAnswer } from "./core/answer-stream.ts";
export { HeadraceError, type ErrorCode, type ErrorReport } from "./core/errors.ts";
export type { FinishReason, Outcome, StreamEvent, Usage } from "./core/events.ts";
export type { GenerateRequest, Message, Part, ToolDefinition } from "./core/request.ts";
export type { UserModel, UserModelInput } from "./core/user-model.ts";
export type { Clock, Randomness } from "./core/time.ts";
