/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter/core.h: all of the milter-core library that programs use.
 */
#pragma once

#include <glib-object.h>

#include "milter-codec-error.h"
#include "milter-connection-spec.h"
#include "milter-connection.h"
#include "milter-enum-types.h"
#include "milter-enums.h"
#include "milter-esmtp.h"
#include "milter-flags.h"
#include "milter-header.h"
#include "milter-headers.h"
#include "milter-init.h"
#include "milter-macros-requests.h"
#include "milter-macros.h"
#include "milter-message-result.h"
#include "milter-message.h"
#include "milter-option.h"
#include "milter-protocol-agent.h"
#include "milter-session-result.h"
#include "milter-session.h"
#include "milter-smtp-reply.h"
#include "milter-spec.h"
#include "milter-status.h"
#include "milter-text.h"
#include "milter-utils.h"
#include "milter-version-macros.h"
