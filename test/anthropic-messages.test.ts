import { anthropicMessages } from "../src/protocols/anthropic-messages.ts";
import { describeProtocol, readFixtures } from "./conformance/protocol.ts";

describeProtocol(anthropicMessages, readFixtures("anthropic-messages"));
