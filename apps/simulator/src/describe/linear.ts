/** A matrix as rows. Sizes here are those of configs: some dozens, at most some hundreds. */
export type Matrix = Array<Float64Array>

export const zeros = (rows: number, columns: number): Matrix =>
  Array.from({ length: rows }, () => new Float64Array(columns))

/** Solves x · A = b for each row b of `right` (Gauss with pivoting). A is square and regular. */
export const solveLeft = (a: Matrix, right: Matrix): Matrix => {
  const n = a.length
  // x · A = b is Aᵀ · xᵀ = bᵀ.
  const m = Array.from({ length: n }, (_, i) => {
    const row = new Float64Array(n + right.length)
    for (let j = 0; j < n; j++) row[j] = a[j][i]
    for (let k = 0; k < right.length; k++) row[n + k] = right[k][i]
    return row
  })
  for (let column = 0; column < n; column++) {
    let pivot = column
    for (let i = column + 1; i < n; i++) {
      if (Math.abs(m[i][column]) > Math.abs(m[pivot][column])) pivot = i
    }
    ;[m[column], m[pivot]] = [m[pivot], m[column]]
    const row = m[column]
    for (let i = 0; i < n; i++) {
      const factor = i === column ? 0 : m[i][column] / row[column]
      if (factor === 0) continue
      for (let j = column; j < row.length; j++) m[i][j] -= factor * row[j]
    }
  }
  return right.map((_, k) => Float64Array.from({ length: n }, (__, i) => m[i][n + k] / m[i][i]))
}

const multiply = (a: Matrix, b: Matrix): Matrix => {
  const product = zeros(a.length, b[0].length)
  for (let i = 0; i < a.length; i++) {
    for (let k = 0; k < b.length; k++) {
      const factor = a[i][k]
      if (factor === 0) continue
      for (let j = 0; j < b[k].length; j++) product[i][j] += factor * b[k][j]
    }
  }
  return product
}

/** exp(A · t), by squaring of a Taylor series. */
export const exponentialOf = (a: Matrix, t: number): Matrix => {
  const n = a.length
  let norm = 0
  for (const row of a) norm = Math.max(norm, t * row.reduce((sum, x) => sum + Math.abs(x), 0))
  const squarings = Math.max(0, Math.ceil(Math.log2(Math.max(norm, 1e-300))) + 3)
  const scale = t / 2 ** squarings
  let result = zeros(n, n)
  let term = zeros(n, n)
  for (let i = 0; i < n; i++) result[i][i] = term[i][i] = 1
  const step = a.map((row) => row.map((x) => x * scale))
  for (let k = 1; k <= 12; k++) {
    term = multiply(term, step).map((row) => row.map((x) => x / k))
    result = result.map((row, i) => row.map((x, j) => x + term[i][j]))
  }
  for (let k = 0; k < squarings; k++) result = multiply(result, result)
  return result
}

/** Row vector times matrix. */
export const times = (x: ArrayLike<number>, a: Matrix): Float64Array => {
  const product = new Float64Array(a[0].length)
  for (let i = 0; i < a.length; i++) {
    if (x[i] === 0) continue
    for (let j = 0; j < product.length; j++) product[j] += x[i] * a[i][j]
  }
  return product
}

/** Sum of the products of two lists. */
export const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i]
  return sum
}
