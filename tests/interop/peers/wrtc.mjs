// SPDX-License-Identifier: MIT
import wrtc from '@roamhq/wrtc'
import { drive } from './driver.mjs'

drive(new wrtc.RTCPeerConnection())
