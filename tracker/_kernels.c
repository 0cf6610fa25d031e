/* Compiled twins of the steps of an update that are many small NumPy calls otherwise.
 *
 * In come arrays through the buffer protocol and plain numbers; out go arrays that the caller
 * made, written in place. Each kernel stands beside a NumPy function of the same name, which says
 * what it does (in `tracker.association`, `belief`, `motion` and `output`);
 * the equations here are the same ones in the same order, so that both give the same result. What
 * a kernel is given is checked before it reads or writes: a wrong array is an exception.
 *
 * C99 and the limited API of Python 3.11: one build serves all later versions, with any NumPy.
 */

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* ---- arrays -------------------------------------------------------------------------------- */

/* One element of `tracker.state.ROW`. */
typedef struct {
    int64_t track_id;
    double log_odds;
    double looks;
    double support;
    double hidden;
    int64_t hits;
    int64_t looks_before;
    double born_s;
    double seen_s;
    double found_s;
    double start[2];
    uint8_t moved;
    uint8_t confirmed;
    uint8_t strong;
} Row;

/* One state of `tracker.motion.ConstantVelocity`: a row a quantity, a column an axis. */
enum { POS, VEL, VAR_POS, COV, VAR_VEL, SCALE2, QUANTITIES };
enum { AXES = 4, HEIGHT = 3 };
typedef double Block[QUANTITIES][AXES];

typedef struct {
    PyObject *object;   /* what the caller gave */
    const char *name;   /* what errors call it */
    char kind;          /* d float64, q int64, b int8, ? bool, R Row */
    char rows;          /* letter of its length: arrays of one letter are equally long */
    Py_ssize_t width;   /* elements in each of its rows */
    bool written;       /* whether the kernel writes to it */
    Py_buffer view;
} Array;

static void
release(Array *arrays, size_t count)
{
    for (size_t k = 0; k < count; k++)
        PyBuffer_Release(&arrays[k].view); /* does nothing where none was taken */
}

static bool
is_kind(const Py_buffer *view, char kind)
{
    const char *format = view->format;
    if (kind == 'R') /* NumPy spells structures at length: their size has to do */
        return view->itemsize == sizeof(Row);
    if (kind == 'q') /* int64 is long on some systems, long long on others */
        return (!strcmp(format, "l") || !strcmp(format, "q")) && view->itemsize == 8;
    return format[0] == kind && format[1] == '\0';
}

/* Take the buffers of all arrays, or none: false with an exception set. */
static bool
take(Array *arrays, size_t count)
{
    for (size_t k = 0; k < count; k++) {
        Array *a = &arrays[k];
        int flags = PyBUF_C_CONTIGUOUS | (a->kind == 'R' ? 0 : PyBUF_FORMAT);
        if (PyObject_GetBuffer(a->object, &a->view, flags | (a->written ? PyBUF_WRITABLE : 0)) < 0)
            goto fail;
        const Py_buffer *view = &a->view;
        Py_ssize_t width = 1;
        for (int axis = 1; axis < view->ndim; axis++)
            width *= view->shape[axis];
        size_t alignment = a->kind == '?' || a->kind == 'b' ? 1 : sizeof(double);
        if (view->ndim < 1 || width != a->width || !is_kind(view, a->kind)
            || (uintptr_t)view->buf % alignment) {
            PyErr_Format(PyExc_ValueError, "%s must be an aligned array of type %c, %zd a row",
                         a->name, a->kind, a->width);
            goto fail;
        }
        for (size_t other = 0; other < k; other++)
            if (arrays[other].rows == a->rows && arrays[other].view.shape[0] != view->shape[0]) {
                PyErr_Format(PyExc_ValueError, "%s must be as long as %s: %zd rows, got %zd",
                             a->name, arrays[other].name, arrays[other].view.shape[0],
                             view->shape[0]);
                goto fail;
            }
    }
    return true;
fail:
    release(arrays, count);
    return false;
}

/* Whether all of `index` are rows of an array of `length`, or -1 where `none` is allowed. */
static bool
are_rows(const Array *index, Py_ssize_t length, bool none)
{
    const int64_t *row = index->view.buf;
    for (Py_ssize_t k = 0; k < index->view.shape[0]; k++)
        if (row[k] < (none ? -1 : 0) || row[k] >= length) {
            PyErr_Format(PyExc_IndexError, "%s[%zd] is not a row", index->name, k);
            return false;
        }
    return true;
}

#define COUNT(arrays) (sizeof(arrays) / sizeof((arrays)[0]))

/* ---- the equations that several kernels share ---------------------------------------------- */

static double least_of(double a, double b) { return a < b ? a : b; }
static double most_of(double a, double b) { return a > b ? a : b; }

/* existence.sigmoid */
static double
sigmoid(double log_odds)
{
    return 1.0 / (1.0 + exp(-least_of(most_of(log_odds, -30.0), 30.0)));
}

/* boxes.cxcywh_to_xyxy */
static void
corners(const double *cxcywh, double *xyxy)
{
    for (int axis = 0; axis < 2; axis++) {
        double half = 0.5 * most_of(cxcywh[axis + 2], 0.0);
        xyxy[axis] = cxcywh[axis] - half;
        xyxy[axis + 2] = cxcywh[axis] + half;
    }
}

/* boxes.iou_matrix, of one pair */
static double
iou(const double *a, const double *b)
{
    double wide = most_of(least_of(a[2], b[2]) - most_of(a[0], b[0]), 0.0);
    double high = most_of(least_of(a[3], b[3]) - most_of(a[1], b[1]), 0.0);
    double shared = wide * high;
    double both = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]);
    return shared / most_of(both - shared, 1e-9);
}

/* The factor of SCALE2 in ConstantVelocity.measurement_variance. */
static double
noise2(double confidence, double weakest, double strongest)
{
    double deviation = weakest - (weakest - strongest) * confidence;
    return deviation * deviation;
}

/* ConstantVelocity.distance2, of one pair */
static double
distance2(const Block state, const double *cxcywh, double r)
{
    double sum = 0.0;
    for (int axis = 0; axis < AXES; axis++) {
        double y = cxcywh[axis] - state[POS][axis];
        sum += y * y / (state[VAR_POS][axis] + r * state[SCALE2][axis]);
    }
    return sum;
}

/* ---- association.candidates ---------------------------------------------------------------- */

typedef struct {
    int64_t track, detection, tier;
    double similarity;
} Pair;

/* Pairs found so far; `count` of `room`. */
typedef struct {
    Pair *pairs;
    size_t count, room;
} Found;

static bool
add_pair(Found *found, Pair pair)
{
    if (found->count == found->room) {
        size_t room = found->room ? 2 * found->room : 256;
        Pair *grown = room > SIZE_MAX / sizeof(Pair)
                          ? NULL : realloc(found->pairs, room * sizeof(Pair));
        if (!grown)
            return false;
        found->pairs = grown;
        found->room = room;
    }
    found->pairs[found->count++] = pair;
    return true;
}

static int
by_detection(const void *a, const void *b)
{
    int64_t one = ((const Pair *)a)->detection, other = ((const Pair *)b)->detection;
    return (one > other) - (one < other);
}

/* The pairs as one row of int64, each column after the other. */
static PyObject *
joined(const Found *found)
{
    size_t n = found->count;
    PyObject *bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)(n * 4 * sizeof(int64_t)));
    if (!bytes)
        return NULL;
    char *out = PyBytes_AsString(bytes);
    for (size_t k = 0; k < n; k++) {
        const Pair *pair = &found->pairs[k];
        memcpy(out + 8 * k, &pair->track, 8);
        memcpy(out + 8 * (n + k), &pair->detection, 8);
        memcpy(out + 8 * (2 * n + k), &pair->tier, 8);
        memcpy(out + 8 * (3 * n + k), &pair->similarity, 8);
    }
    return bytes;
}

static PyObject *
candidates(PyObject *Py_UNUSED(module), PyObject *args)
{
    Array a[] = {
        {.name = "rows", .kind = 'R', .rows = 'N', .width = 1},
        {.name = "motion", .kind = 'd', .rows = 'N', .width = QUANTITIES * AXES},
        {.name = "order", .kind = 'q', .rows = 'M', .width = 1},
        {.name = "xyxy", .kind = 'd', .rows = 'M', .width = 4},
        {.name = "cxcywh", .kind = 'd', .rows = 'M', .width = 4},
        {.name = "confidence", .kind = 'd', .rows = 'M', .width = 1},
    };
    double strong, iou_strong, iou_weak, gate2, offset, believed, noise_weak, noise_strong;
    if (!PyArg_ParseTuple(args, "OOOOOOdddddddd:candidates", &a[0].object, &a[1].object,
                          &a[2].object, &a[3].object, &a[4].object, &a[5].object, &strong,
                          &iou_strong, &iou_weak, &gate2, &offset, &believed, &noise_weak,
                          &noise_strong)
        || !take(a, COUNT(a)))
        return NULL;
    const Row *rows = a[0].view.buf;
    const Block *motion = a[1].view.buf;
    const int64_t *order = a[2].view.buf; /* by left edge */
    const double(*xyxy)[4] = a[3].view.buf, (*cxcywh)[4] = a[4].view.buf;
    const double *confidence = a[5].view.buf;
    Py_ssize_t n = a[0].view.shape[0], m = a[2].view.shape[0];
    Found found = {NULL, 0, 0};
    PyObject *result = NULL;

    if (!are_rows(&a[2], m, false))
        goto done;
    double widest = 0.0;
    for (Py_ssize_t d = 0; d < m; d++)
        widest = most_of(widest, xyxy[d][2] - xyxy[d][0]);
    for (Py_ssize_t t = 0; t < n; t++) {
        double box[4];
        corners(motion[t][POS], box);
        /* The first detection, by left edge, whose right edge may reach the box. */
        Py_ssize_t first = 0, end = m;
        while (first < end) {
            Py_ssize_t middle = first + (end - first) / 2;
            if (xyxy[order[middle]][0] < box[0] - widest)
                first = middle + 1;
            else
                end = middle;
        }
        size_t first_of_track = found.count;
        for (Py_ssize_t k = first; k < m && xyxy[order[k]][0] <= box[2]; k++) {
            int64_t d = order[k];
            if (!(box[1] < xyxy[d][3] && xyxy[d][1] < box[3]))
                continue;
            bool weak = confidence[d] < strong;
            double overlap = iou(box, xyxy[d]);
            if (!(overlap >= (weak ? iou_weak : iou_strong))
                || !(distance2(motion[t], cxcywh[d],
                               noise2(confidence[d], noise_weak, noise_strong)) <= gate2))
                continue;
            Pair pair = {t, d, 2 * (rows[t].log_odds < believed) + weak,
                         overlap * (confidence[d] + offset)};
            if (!add_pair(&found, pair)) {
                PyErr_NoMemory();
                goto done;
            }
        }
        size_t pairs_of_track = found.count - first_of_track;
        if (pairs_of_track > 1)
            qsort(found.pairs + first_of_track, pairs_of_track, sizeof(Pair), by_detection);
    }
    result = joined(&found);
done:
    free(found.pairs);
    release(a, COUNT(a));
    return result;
}

/* ---- ConstantVelocity.correct -------------------------------------------------------------- */

static PyObject *
correct(PyObject *Py_UNUSED(module), PyObject *args)
{
    Array a[] = {
        {.name = "state", .kind = 'd', .rows = 'N', .width = QUANTITIES * AXES},
        {.name = "cxcywh", .kind = 'd', .rows = 'N', .width = 4},
        {.name = "confidence", .kind = 'd', .rows = 'N', .width = 1},
        {.name = "new", .kind = 'd', .rows = 'N', .width = QUANTITIES * AXES, .written = true},
    };
    double noise_weak, noise_strong, least_height, size_ratio;
    if (!PyArg_ParseTuple(args, "OOOOdddd:correct", &a[0].object, &a[1].object, &a[2].object,
                          &a[3].object, &noise_weak, &noise_strong, &least_height, &size_ratio)
        || !take(a, COUNT(a)))
        return NULL;
    const Block *state = a[0].view.buf;
    const double(*cxcywh)[4] = a[1].view.buf, *confidence = a[2].view.buf;
    Block *new = a[3].view.buf;
    for (Py_ssize_t t = 0; t < a[0].view.shape[0]; t++) {
        double factor = noise2(confidence[t], noise_weak, noise_strong);
        double height = most_of(cxcywh[t][HEIGHT], least_height);
        for (int axis = 0; axis < AXES; axis++) {
            double pos = state[t][POS][axis], vel = state[t][VEL][axis];
            double cov = state[t][COV][axis], var_vel = state[t][VAR_VEL][axis];
            double r = factor * state[t][SCALE2][axis];
            /* S = H P Hᵀ + R,  K = P Hᵀ S⁻¹ = (VAR_POS, COV) / S */
            double s = state[t][VAR_POS][axis] + r;
            double k_pos = state[t][VAR_POS][axis] / s, k_vel = cov / s;
            /* x = x + K y,  y = z − H x */
            double y = cxcywh[t][axis] - pos;
            new[t][POS][axis] = pos + k_pos * y;
            new[t][VEL][axis] = vel + k_vel * y;
            /* P = (I − K H) P */
            new[t][VAR_POS][axis] = k_pos * r;
            new[t][COV][axis] = k_vel * r;
            new[t][VAR_VEL][axis] = var_vel - k_vel * cov;
            double ratio = axis < 2 ? 1.0 : size_ratio;
            new[t][SCALE2][axis] = height * height * (ratio * ratio);
        }
    }
    release(a, COUNT(a));
    Py_RETURN_NONE;
}

/* ---- belief.believe ------------------------------------------------------------------------ */

/* The constants of tracker.existence.log_odds. */
typedef struct {
    double prior, moved, gain, correlation, floor, ceiling;
} Model;

static double
log_odds_of(const Row *row, const Model *model)
{
    double worth = 1.0 + model->correlation * most_of(row->looks - 1.0, 0.0);
    double odds = model->prior + (row->moved ? model->moved : 0.0)
                  + model->gain * row->support / worth;
    return least_of(most_of(odds, model->floor), model->ceiling);
}

static PyObject *
believe(PyObject *Py_UNUSED(module), PyObject *args)
{
    Array a[] = {
        {.name = "rows", .kind = 'R', .rows = 'N', .width = 1, .written = true},
        {.name = "match", .kind = 'q', .rows = 'N', .width = 1},
        {.name = "weight", .kind = 'd', .rows = 'N', .width = 1, .written = true},
        {.name = "telling", .kind = 'd', .rows = 'O', .width = 1},
        {.name = "cxcywh", .kind = 'd', .rows = 'M', .width = 4},
        {.name = "evidence", .kind = 'd', .rows = 'M', .width = 1},
        {.name = "against", .kind = 'd', .rows = 'M', .width = 1},
        {.name = "standing", .kind = '?', .rows = 'M', .width = 1, .written = true},
    };
    Py_ssize_t old;
    Model model;
    double fade, share, first_share, now_s, looked_s, neutral, miss, confirm_at, release_at;
    double moved_widths, stand_s;
    if (!PyArg_ParseTuple(args, "OOOOOOOOnddddddddddddddddd:believe", &a[0].object, &a[1].object,
                          &a[2].object, &a[3].object, &a[4].object, &a[5].object, &a[6].object,
                          &a[7].object, &old, &fade, &share, &first_share, &now_s, &looked_s,
                          &neutral, &miss, &model.gain, &model.correlation, &model.prior,
                          &model.moved, &model.floor, &model.ceiling, &confirm_at, &release_at,
                          &moved_widths, &stand_s)
        || !take(a, COUNT(a)))
        return NULL;
    Row *rows = a[0].view.buf;
    const int64_t *match = a[1].view.buf;
    double *weight = a[2].view.buf;
    const double *telling = a[3].view.buf;
    const double(*cxcywh)[4] = a[4].view.buf, *evidence = a[5].view.buf, *against = a[6].view.buf;
    uint8_t *standing = a[7].view.buf;
    Py_ssize_t n = a[0].view.shape[0], m = a[4].view.shape[0];
    bool valid = are_rows(&a[1], m, true);
    if (valid && (old < 0 || old > n || a[3].view.shape[0] != old)) {
        PyErr_SetString(PyExc_ValueError, "telling must have one element for each old row");
        valid = false;
    }
    if (valid)
        memset(standing, 0, (size_t)m);
    for (Py_ssize_t t = 0; valid && t < n; t++) {
        Row *row = &rows[t];
        int64_t d = match[t];
        row->looks *= fade;
        row->support *= fade;
        double before = log_odds_of(row, &model);
        double part = t >= old ? first_share : d >= 0 ? share : share * telling[t];
        double news = -miss;
        if (d >= 0) {
            news = evidence[d] - neutral;
            news -= least_of(against[d], most_of(news, 0.0));
            double away = fabs(cxcywh[d][0] - row->start[0]) + fabs(cxcywh[d][1] - row->start[1]);
            row->moved = row->moved || away > moved_widths * cxcywh[d][2];
        }
        row->looks += part;
        row->support += part * news;
        row->log_odds = log_odds_of(row, &model);
        weight[t] = row->log_odds - before;
        row->confirmed = row->log_odds >= confirm_at
                         || (row->confirmed && row->log_odds >= release_at);
        if (d < 0)
            continue;
        row->hits = (int64_t)((uint64_t)row->hits + 1);
        row->seen_s = now_s;
        row->found_s = looked_s;
        standing[d] = !row->moved && now_s - row->born_s >= stand_s;
    }
    release(a, COUNT(a));
    return valid ? Py_NewRef(Py_None) : NULL;
}

/* ---- output.columns ----------------------------------------------------------------------- */

/* state of Tracks, as tracker.tracks.TrackState */
enum { TENTATIVE, CONFIRMED, COASTING, DEAD, LOST };

static PyObject *
columns(PyObject *Py_UNUSED(module), PyObject *args)
{
    Array a[] = {
        {.name = "rows", .kind = 'R', .rows = 'N', .width = 1},
        {.name = "motion", .kind = 'd', .rows = 'N', .width = QUANTITIES * AXES},
        {.name = "match", .kind = 'q', .rows = 'N', .width = 1},
        {.name = "source", .kind = 'q', .rows = 'M', .width = 1},
        {.name = "evidence", .kind = 'd', .rows = 'M', .width = 1},
        {.name = "against", .kind = 'd', .rows = 'M', .width = 1},
        {.name = "xyxy", .kind = 'd', .rows = 'N', .width = 4, .written = true},
        {.name = "velocity", .kind = 'd', .rows = 'N', .width = 2, .written = true},
        {.name = "covariance", .kind = 'd', .rows = 'N', .width = 64, .written = true},
        {.name = "existence", .kind = 'd', .rows = 'N', .width = 1, .written = true},
        {.name = "score", .kind = 'd', .rows = 'N', .width = 1, .written = true},
        {.name = "state", .kind = 'b', .rows = 'N', .width = 1, .written = true},
        {.name = "detection", .kind = 'q', .rows = 'N', .width = 1, .written = true},
    };
    double confidence_weight, existence_weight, bias;
    double coast_existence_weight, coast_bias, coast_uncertainty_weight, coast_hidden_weight;
    double lost_below;
    if (!PyArg_ParseTuple(args, "OOOOOOOOOOOOOdddddddd:columns", &a[0].object, &a[1].object,
                          &a[2].object, &a[3].object, &a[4].object, &a[5].object, &a[6].object,
                          &a[7].object, &a[8].object, &a[9].object, &a[10].object, &a[11].object,
                          &a[12].object, &confidence_weight, &existence_weight, &bias,
                          &coast_existence_weight, &coast_bias, &coast_uncertainty_weight,
                          &coast_hidden_weight, &lost_below)
        || !take(a, COUNT(a)))
        return NULL;
    const Row *rows = a[0].view.buf;
    const Block *motion = a[1].view.buf;
    const int64_t *match = a[2].view.buf, *source = a[3].view.buf;
    const double *evidence = a[4].view.buf, *against = a[5].view.buf;
    double(*xyxy)[4] = a[6].view.buf, (*velocity)[2] = a[7].view.buf;
    double(*covariance)[8][8] = a[8].view.buf, *existence = a[9].view.buf, *score = a[10].view.buf;
    int8_t *state = a[11].view.buf;
    int64_t *detection = a[12].view.buf;
    Py_ssize_t n = a[0].view.shape[0];
    bool valid = are_rows(&a[2], a[3].view.shape[0], true);
    for (Py_ssize_t t = 0; valid && t < n; t++) {
        const double *box = motion[t][POS], *variance = motion[t][VAR_POS];
        double log_odds = rows[t].log_odds, likely;
        int64_t d = match[t];
        if (d >= 0) {
            likely = confidence_weight * evidence[d] - against[d] + existence_weight * log_odds
                     + bias;
        } else {
            double spread = sqrt(variance[0] + variance[1]) / most_of(box[HEIGHT], 1.0);
            likely = coast_existence_weight * log_odds + coast_bias
                     - coast_uncertainty_weight * spread + coast_hidden_weight * rows[t].hidden;
        }
        corners(box, xyxy[t]);
        velocity[t][0] = motion[t][VEL][0];
        velocity[t][1] = motion[t][VEL][1];
        memset(covariance[t], 0, sizeof covariance[t]);
        for (int axis = 0; axis < AXES; axis++) {
            covariance[t][axis][axis] = motion[t][VAR_POS][axis];
            covariance[t][axis][axis + 4] = covariance[t][axis + 4][axis] = motion[t][COV][axis];
            covariance[t][axis + 4][axis + 4] = motion[t][VAR_VEL][axis];
        }
        existence[t] = sigmoid(log_odds);
        score[t] = sigmoid(likely);
        state[t] = !rows[t].confirmed     ? TENTATIVE
                   : d >= 0               ? CONFIRMED
                   : likely < lost_below ? LOST
                                          : COASTING;
        detection[t] = d >= 0 ? source[d] : -1;
    }
    release(a, COUNT(a));
    return valid ? Py_NewRef(Py_None) : NULL;
}

/* ---- the module ---------------------------------------------------------------------------- */

static PyMethodDef functions[] = {
    {"believe", believe, METH_VARARGS, "Twin of tracker.belief.believe."},
    {"candidates", candidates, METH_VARARGS, "Twin of tracker.association.candidates."},
    {"columns", columns, METH_VARARGS, "Twin of tracker.output.columns."},
    {"correct", correct, METH_VARARGS, "Twin of tracker.motion.ConstantVelocity.correct."},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot slots[] = {{0, NULL}};

static PyModuleDef module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "tracker._kernels",
    .m_doc = "Compiled twins of NumPy functions of the tracker; see tracker.kernels.",
    .m_methods = functions,
    .m_slots = slots,
};

PyMODINIT_FUNC
PyInit__kernels(void)
{
    return PyModuleDef_Init(&module);
}
