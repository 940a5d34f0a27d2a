/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * milter/client.h: all of the milter-client library that programs use.
 */
#pragma once

#include <milter/core.h>

#include "milter-client-context.h"
#include "milter-client-enum-types.h"
#include "milter-client-enums.h"
#include "milter-client-handlers.h"
#include "milter-client.h"
